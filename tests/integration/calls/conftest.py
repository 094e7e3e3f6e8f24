"""A real server with the embedded profile, and what is said to it."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from voice_agent.bench.callers import INTERRUPTION, spoken, write_storyteller
from voice_agent.bot.agents import agents_directory
from voice_agent.client import Speech, TransportName
from voice_agent.testing.running_server import RunningServer, serving

RESUME_WINDOW_S = 3
LIMITED = """\
id: {id}
name: {id}
greeting: Hello.
limits: {limits}
"""


@pytest.fixture(params=[TransportName.WEBSOCKET, TransportName.WEBRTC], ids=str)
def transport(request: pytest.FixtureRequest) -> TransportName:
    """Each transport in turn."""
    chosen: TransportName = request.param
    return chosen


@pytest.fixture(scope="session")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped agents, one that talks for a minute, and some with short limits."""
    folder = tmp_path_factory.mktemp("agents") / "agents"
    shutil.copytree(agents_directory(), folder)
    write_storyteller(folder)
    for name, limits in (("brief", "{max_duration_s: 3}"), ("idler", "{idle_timeout_s: 3}")):
        (folder / f"{name}.yaml").write_text(LIMITED.format(id=name, limits=limits))
    return folder


@pytest.fixture(scope="session")
def server(agents: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all calls of the session; with a probe, its log in JSON."""
    environment = {
        "VOICE_AGENT_AGENTS_DIR": str(agents),
        "VOICE_AGENT_LOG_FORMAT": "json",
        "VOICE_AGENT_MAX_SESSIONS": "300",
        "VOICE_AGENT_RESUME_WINDOW": str(RESUME_WINDOW_S),
    }
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, environment=environment, probed=True) as running:
        yield running


@pytest.fixture(scope="session")
def saturday() -> Speech:
    """The question about Saturday."""
    return spoken("What are your opening hours on Saturday?")


@pytest.fixture(scope="session")
def interruption() -> Speech:
    """What the storyteller takes for a wish to be heard."""
    return spoken(INTERRUPTION)


@pytest.fixture(scope="session")
def parking() -> Speech:
    """The question about parking."""
    return spoken("Where can I park?")


async def session_log(server: RunningServer, session_id: str, words: str) -> list[str]:
    """Return the log lines of a session that have `words`, waiting for the first."""

    def found() -> list[str]:
        messages = [str(record["message"]) for record in server.records(session_id)]
        return [message for message in messages if words in message]

    await asyncio.to_thread(
        server.wait_for_log, lambda: bool(found()), f"'{words}' in the log of {session_id}", 30
    )
    return found()


async def end_of(server: RunningServer, session_id: str) -> str:
    """Return why the session ended, as the log has it, waiting until it has."""
    (line,) = await session_log(server, session_id, "session ended: ")
    return line.removeprefix("session ended: ")


async def hang_up(server: RunningServer, session_id: str, token: str) -> None:
    """End a session, as its client may."""
    url = f"{server.url.rstrip('/')}/v1/sessions/{session_id}"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.delete(url) as response:
        assert response.status == 204
