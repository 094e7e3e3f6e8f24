"""Runs the server from the command line: says what it starts, and ends it cleanly on a signal."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from importlib import metadata
from typing import Any

import typer
import uvloop

from voice_agent.config import Settings, is_loopback
from voice_agent.observability.logs import configure_logs

ONE_THREAD = "1"
"""How many threads NumPy multiplies in. smart-turn's features are matrices so small that threads
only wait for each other: on two busy cores they took 19 ms of CPU at every pause instead of 4
(measured by themselves; with calls, side by side, the difference was within the noise)."""


def run_server(settings: Settings) -> int:
    """Serve until told to stop; return the exit code.

    Raises:
        SettingsError: Something in the settings stands in the way; the message names the mend.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", ONE_THREAD)  # read when NumPy is imported
    configure_logs(settings.log_level, settings.log_format)
    from voice_agent.services.provider import Stage  # noqa: PLC0415 - logs when it is imported

    providers = ", ".join(f"{stage.value} {settings.provider(stage)[0]}" for stage in Stage)
    version = metadata.version("voice-agent-backend")
    typer.echo(f"Voice Agent Backend {version}, profile {settings.profile}: {providers}")
    if not is_loopback(settings.host):
        typer.echo(f"Anyone who can reach {settings.host} may talk to it: authentication is off")
    # Ctrl-C ends the process outright while it imports: there is nothing to clean up yet, and a
    # KeyboardInterrupt in there can get lost in somebody's `except`.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    typer.echo("Starting ...")
    from voice_agent.app import run  # noqa: PLC0415 - takes 2 s; the lines above come first

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(_until_told(run(settings, _announce)))
        except KeyboardInterrupt:
            return 0


def _announce(address: str) -> None:
    typer.echo(f"ready: open {address}", err=True)


async def _until_told(serving: Coroutine[Any, Any, int]) -> int:
    """Return what `serving` returns, or 0 when a signal came before the server took them over."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(serving)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return 0
