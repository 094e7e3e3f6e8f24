"""Runs several processes from the command line, with this one as their supervisor."""

import asyncio
import signal
import ssl
import sys
import time
from datetime import UTC, datetime

import typer
import uvloop

from voice_agent.briefing import Briefing, pack
from voice_agent.cluster.open_files import allow_open_files
from voice_agent.cluster.supervisor import Plan, Supervisor
from voice_agent.config import Settings
from voice_agent.listening import addresses_to_open, host_addresses, listen
from voice_agent.observability.logs import configure_logs
from voice_agent.shares import require_shareable
from voice_agent.starting import first_words

NAME = "supervisor"
"""What its lines in the log are marked with."""
_PROCESS = "voice_agent.cluster_process"


def run_cluster(settings: Settings) -> int:
    """Serve with `settings.workers` processes until told to stop; return the exit code.

    Raises:
        SettingsError: Something in the settings stands in the way; the message names the mend.
    """
    configure_logs(settings.log_level, settings.log_format, process=NAME)
    for line in first_words(settings, f"{settings.workers} processes"):
        typer.echo(line)
    require_shareable(settings, settings.workers)
    # Until the supervisor listens to signals Ctrl-C ends it outright: nothing is there to end yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    allow_open_files()
    typer.echo("Starting ...")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_supervise(settings))


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    from voice_agent.tls import tls_files  # noqa: PLC0415 - memory that few need

    files = tls_files(settings, host_addresses(), datetime.now(UTC))
    assert files is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


async def _supervise(settings: Settings) -> int:
    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    told = settings.model_copy(update={"port": port})
    plan = Plan(
        listener,
        (sys.executable, "-m", _PROCESS),
        [pack(Briefing(told, index)) for index in range(settings.workers)],
        _tls(settings),
        settings.server,
    )

    def announce() -> None:
        for address in addresses_to_open(settings, port, host_addresses()):
            typer.echo(f"ready: open {address}", err=True)

    return await Supervisor(plan, time.monotonic).run(announce)
