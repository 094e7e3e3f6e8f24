"""The `voice-agent` command with a probe in the server's event loop; see `server_probe`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import voice_agent.app
from voice_agent.app import Application
from voice_agent.cli import main
from voice_agent.config import Settings
from voice_agent.testing.server_probe import ServerProbe


def add_probe() -> None:
    """Let every server that this process runs from now on have a probe."""
    build, serve = voice_agent.app.application, voice_agent.app.run
    probe = ServerProbe()

    @asynccontextmanager
    async def application(settings: Settings, **options: Any) -> AsyncIterator[Application]:
        async with build(settings, **options) as app:
            probe.application = app
            yield app

    async def run(settings: Settings, announce: Callable[[str], None]) -> int:
        async with probe:
            return await serve(settings, announce)

    voice_agent.app.application = application
    voice_agent.app.run = run


if __name__ == "__main__":
    add_probe()
    main()
