"""Runs the server from the command line: says what it starts, and ends it cleanly on a signal."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer
import uvloop

from voice_agent.config import Settings
from voice_agent.observability.logs import configure_logs
from voice_agent.starting import first_words, multiply_in_one_thread, providers_of


def run_server(settings: Settings) -> int:
    """Serve until told to stop; return the exit code.

    Raises:
        SettingsError: Something in the settings stands in the way; the message names the mend.
    """
    multiply_in_one_thread()
    configure_logs(settings.log_level, settings.log_format, words=settings.transcripts == "keep")
    for line in first_words(settings, providers_of(settings)):
        typer.echo(line)
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
