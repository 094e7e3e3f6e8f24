"""A server to call, and something to say."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.integration.client.wire_server import Behaviour, WireServer
from voice_agent.client import Speech, turns

Serve = Callable[..., Awaitable[WireServer]]


@pytest.fixture(autouse=True)
def _bots_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """These bots speak in one breath, so a short quiet is the end of it."""
    monkeypatch.setattr(turns, "SETTLE_S", 0.25)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[WireServer] = []

    async def start(behaviour: Behaviour | None = None) -> WireServer:
        server = WireServer(behaviour or Behaviour())
        servers.append(server)
        await server.start()
        return server

    yield start
    for server in servers:
        await server.stop()


@pytest.fixture(scope="session")
def question_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tenth of a second of silence, half a second of tone, three tenths of silence."""
    path = tmp_path_factory.mktemp("speech") / "question.wav"
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(22050) / 44100)
    soundfile.write(path, np.concatenate([np.zeros(4410), tone, np.zeros(13230)]), 44100)
    return path


@pytest.fixture(scope="session")
def question(question_wav: Path) -> Speech:
    return Speech.from_file(question_wav)
