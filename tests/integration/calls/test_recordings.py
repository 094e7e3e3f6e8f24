"""Calls that a real server records, and what is left of them when it is killed."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.calls.conftest import end_of
from tests.unit.audio.recording.listening import decoded, heard_in, tone
from voice_agent.audio.recording.ogg import read_facts
from voice_agent.client import Call, Speech, TransportName, ask, greeting
from voice_agent.client.events import RtviMessage
from voice_agent.client.microphone import Pace
from voice_agent.client.websocket import audio_frame
from voice_agent.storage.recordings import RecordingFiles
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 30.0
RECORDED = """\
id: recorded
name: Recorded
greeting: Hello, this call is recorded. How can I help you today?
recording: true
knowledge:
  - questions: [When are you open on Saturday?, What are your opening hours on Saturday?]
    answer: On Saturday we are open from ten to four.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "agents").mkdir()
    (folder / "agents" / "recorded.yaml").write_text(RECORDED)
    return folder


def _environment(**more: str) -> dict[str, str]:
    return {
        "VOICE_AGENT_AGENTS_DIR": "agents",
        "VOICE_AGENT_DEFAULT_AGENT": "recorded",
        "VOICE_AGENT_LOG_FORMAT": "json",
        **more,
    }


@pytest.fixture(scope="module")
def recording_server(folder: Path) -> Iterator[RunningServer]:
    with serving(folder, environment=_environment(VOICE_AGENT_RECORDINGS="allowed")) as server:
        yield server


async def _get(server: RunningServer, path: str) -> Any:
    url = server.url.rstrip("/") + path
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        assert response.status == 200, await response.text()
        if response.content_type == "application/json":
            return await response.json()
        return await response.read()


async def test_a_call_is_recorded_as_it_was_heard(
    recording_server: RunningServer, saturday: Speech, transport: TransportName, tmp_path: Path
) -> None:
    async with Call(recording_server.url, transport=transport, timeout_s=PATIENCE_S) as call:
        assert await greeting(call, within_s=PATIENCE_S) is not None
        began = time.monotonic()
        assert "ten to four" in (await ask(call, saturday, PATIENCE_S)).text
        lasted_s = time.monotonic() - began
    session_id = call.session_id
    assert session_id is not None
    await end_of(recording_server, session_id)
    base = f"/v1/sessions/{session_id}/recordings"
    (recording,) = (await _get(recording_server, base))["recordings"]
    assert recording["number"] == 1
    assert recording["duration_s"] > lasted_s
    path = tmp_path / "1.ogg"
    path.write_bytes(await _get(recording_server, f"{base}/1"))
    left, right = decoded(path)
    caller, agent = heard_in(left, join_s=1), heard_in(right, join_s=1)
    assert len(caller) == 1
    assert len(agent) == 2
    assert caller[0][1] - caller[0][0] == pytest.approx(saturday.duration_s, abs=0.5)
    assert agent[0][1] < caller[0][0] + 0.1
    assert caller[0][1] < agent[1][0]


async def test_a_client_is_told(recording_server: RunningServer, transport: TransportName) -> None:
    async with Call(recording_server.url, transport=transport, timeout_s=PATIENCE_S) as call:
        told = await call.wait_for(
            RtviMessage, PATIENCE_S, after=0, where=lambda each: each.type == "server-message"
        )
    assert told.data == {"type": "recording", "state": "started"}


async def _connected(http: aiohttp.ClientSession, port: int) -> aiohttp.ClientWebSocketResponse:
    """Connect, again and again while the port is not open yet."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await http.ws_connect(f"http://127.0.0.1:{port}", compress=0)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def test_a_device_is_recorded_too(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = _environment(VOICE_AGENT_RECORDINGS="allowed")
    with serving(folder, "--device-port", str(port), environment=environment) as server:
        async with aiohttp.ClientSession() as http:
            async with await _connected(http, port) as device:
                loop = asyncio.get_running_loop()
                pace = Pace(loop.time())
                sound = bytes(2 * 16_000) + tone(1, 16_000)
                for start in range(0, len(sound), 640):
                    await asyncio.sleep(pace.wait_s(loop.time()))
                    await device.send_bytes(audio_frame(sound[start : start + 640]))
                sessions = (await _get(server, "/v1/sessions"))["sessions"]
            (session_id,) = (
                each["session_id"] for each in sessions if each["state"] == "connected"
            )
            await end_of(server, session_id)
    files = RecordingFiles(folder / "recordings", read_facts)
    left, right = decoded(files.path(session_id, 1))
    (said,) = heard_in(left)
    assert said[1] - said[0] == pytest.approx(1, abs=0.1)
    assert heard_in(right)


async def test_a_server_that_is_killed_leaves_what_was_said(folder: Path, saturday: Speech) -> None:
    with serving(folder, environment=_environment(VOICE_AGENT_RECORDINGS="allowed")) as server:
        call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        try:
            assert await greeting(call, within_s=PATIENCE_S) is not None
            began = time.monotonic()
            await ask(call, saturday, PATIENCE_S)
            at_least_s = time.monotonic() - began
            server.kill()
        finally:
            await call.close()
    assert call.session_id is not None
    files = RecordingFiles(folder / "recordings", read_facts)
    (recording,) = files.list(call.session_id)
    left, right = decoded(files.path(call.session_id, 1))
    assert len(left) / 48_000 == pytest.approx(recording.duration_s, abs=0.1)
    assert recording.duration_s > at_least_s - 2
    assert heard_in(left)
    assert len(heard_in(right, join_s=1)) == 2


async def test_nothing_is_recorded_unless_it_is_allowed(folder: Path) -> None:
    with serving(folder, environment=_environment()) as server:
        for _ in range(2):
            async with Call(server.url, timeout_s=PATIENCE_S) as call:
                assert await greeting(call, within_s=PATIENCE_S) is not None
            assert call.session_id is not None
            await end_of(server, call.session_id)
            listed = await _get(server, f"/v1/sessions/{call.session_id}/recordings")
            assert listed == {"recordings": []}
        warnings = [each for each in server.records() if "not recorded" in each["message"]]
        assert len(warnings) == 1
