"""Several processes behind one port, as a client and an operator meet them; real processes."""

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from prometheus_client.parser import text_string_to_metric_families

from tests.few_words import agents_in
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.client.events import Disconnected
from voice_agent.core.process_ids import process_of
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 20.0
STARTED = re.compile(r"process (?P<name>p\d) \(pid (?P<pid>\d+)\) takes calls")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one agent of few words."""
    folder = tmp_path_factory.mktemp("cluster")
    agents_in(folder)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    """Two processes for all tests of this file but the last ones."""
    environment = {"VOICE_AGENT_AGENTS_DIR": str(folder / "agents")}
    with serving(folder, "--workers", "2", environment=environment) as running:
        yield running


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(server.url, timeout=timeout) as http:
        yield http


def pids_of(server: RunningServer) -> Mapping[str, int]:
    """Return the processes that take calls, by name, as the log has them."""
    found = (STARTED.search(line) for line in list(server.lines))
    return {match["name"]: int(match["pid"]) for match in found if match}


async def start_session(http: aiohttp.ClientSession) -> tuple[str, str]:
    """Return the id and the token of a new session."""
    async with http.post("/v1/sessions") as response:
        assert response.status == 201, await response.text()
        assert response.headers["connection"] == "close"
        document = await response.json()
        return document["session_id"], document["token"]


async def end_session(http: aiohttp.ClientSession, session_id: str) -> int:
    async with http.delete(f"/v1/sessions/{session_id}") as response:
        return response.status


async def counted(http: aiohttp.ClientSession) -> dict[str, float]:
    """Return what is counted on the host, by name and labels."""
    async with http.get("/metrics") as response:
        text = await response.text()
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


async def call_on(server: RunningServer, http: aiohttp.ClientSession, name: str) -> Call:
    """Return a WebSocket call, connected and greeted, on that process."""
    while True:
        call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        if process_of(str(call.session_id)) == name:
            assert await greeting(call, within_s=PATIENCE_S) is not None
            return call
        await call.close()


async def test_a_burst_of_sessions_spreads_evenly(http: aiohttp.ClientSession) -> None:
    begun = await asyncio.gather(*(start_session(http) for _ in range(10)))
    names = Counter(process_of(session_id) for session_id, _ in begun)
    assert names == {"p0": 5, "p1": 5}
    async with http.get("/v1/sessions") as response:
        listed = [each["session_id"] for each in (await response.json())["sessions"]]
    assert {session_id for session_id, _ in begun} <= set(listed)
    assert (await counted(http))["voice_agent_sessions:created"] >= 10
    assert [await end_session(http, session_id) for session_id, _ in begun] == [204] * 10


async def test_a_session_is_found_whoever_is_asked(http: aiohttp.ClientSession) -> None:
    session_id, token = await start_session(http)
    for _ in range(4):
        async with http.get(f"/v1/sessions/{session_id}") as response:
            assert (await response.json())["session_id"] == session_id
    async with http.get("/v1/sessions/p7.nobody") as response:
        assert response.status == 404
    other, _ = await start_session(http)
    async with http.ws_connect(f"/ws-client?token={token}"):
        pass
    assert await end_session(http, session_id) == 204
    assert await end_session(http, other) == 204


async def test_what_the_processes_have_adds_up(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/pool") as response:
        pool = await response.json()
    assert pool["processes"] == 2
    [vad] = [each for each in pool["resources"] if each["purpose"] == "vad"]
    assert vad["size"] == 2
    metrics = await counted(http)
    assert metrics["voice_agent_processes"] == metrics["voice_agent_processes_wanted"] == 2
    async with http.get("/v1/system") as response:
        system = await response.json()
    assert [(each["name"], each["ready"]) for each in system["processes"]] == [
        ("p0", True),
        ("p1", True),
    ]
    assert system["processes_wanted"] == 2
    assert [each["stage"] for each in system["providers"]] == ["stt", "llm", "tts"]


async def test_calls_over_both_transports_are_answered(server: RunningServer) -> None:
    async def answered(transport: TransportName) -> str:
        async with Call(server.url, transport=transport, timeout_s=PATIENCE_S) as call:
            await greeting(call, within_s=PATIENCE_S)
            assert "nine" in (await ask_in_writing(call, "When are you open?", PATIENCE_S)).text
            return str(process_of(str(call.session_id)))

    names = await asyncio.gather(*map(answered, (TransportName.WEBSOCKET, TransportName.WEBRTC)))
    assert sorted(names) == ["p0", "p1"]


async def test_a_peer_without_a_token_is_found_by_its_id(http: aiohttp.ClientSession) -> None:
    peer = RTCPeerConnection()
    try:
        peer.addTransceiver("audio")
        channel = peer.createDataChannel("chat")
        opened = asyncio.Event()
        channel.on("open", opened.set)
        await peer.setLocalDescription(await peer.createOffer())
        description = peer.localDescription
        found = [line for line in description.sdp.splitlines() if "candidate" in line]
        bare = "".join(f"{line}\r\n" for line in description.sdp.splitlines() if line not in found)
        body: dict[str, Any] = {"sdp": bare, "type": "offer"}
        async with http.post("/api/offer", json=body) as response:
            answer = await response.json()
        pc_id = answer["pc_id"]
        assert process_of(pc_id) in ("p0", "p1")
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        for line in [line for line in found if line.startswith("a=candidate")]:
            text = line.removeprefix("a=")
            candidate = {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0}
            trickled = {"pc_id": pc_id, "candidates": [candidate]}
            async with http.patch("/api/offer", json=trickled) as response:
                assert response.status == 200, await response.text()
        async with asyncio.timeout(PATIENCE_S):
            await opened.wait()
    finally:
        await peer.close()


async def test_a_stuck_process_holds_nobody(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    async with http.get("/v1/sessions") as response:
        sessions = (await response.json())["sessions"]
    live = Counter(process_of(each["session_id"]) for each in sessions if each["state"] != "ended")
    # So many that, whatever other tests have left behind, three are due to the one that answers.
    starting = 6 + abs(live["p0"] - live["p1"])
    stuck = psutil.Process(pids_of(server)["p1"])
    stuck.suspend()
    try:
        began = time.monotonic()

        async def status(method: str, path: str) -> int:
            async with http.request(method, path) as response:
                return response.status

        starts_asked = [status("POST", "/start") for _ in range(starting)]
        owner, *starts = await asyncio.gather(status("GET", "/v1/sessions/p1.x"), *starts_asked)
        assert owner == 503
        assert Counter(starts)[200] >= 3
        assert set(starts) <= {200, 503}
        assert time.monotonic() - began < 8
        assert [await status("POST", "/start") for _ in range(4)] == [200] * 4
        assert (await counted(http))["voice_agent_processes"] == 1
    finally:
        stuck.resume()
    async with asyncio.timeout(PATIENCE_S):
        while (await counted(http))["voice_agent_processes"] != 2:
            pass  # it answers again, and is asked again: each takes its time


async def test_when_a_process_is_killed_the_others_go_on(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    lost, kept = await call_on(server, http, "p1"), await call_on(server, http, "p0")
    before = await counted(http)
    victim = pids_of(server)["p1"]
    os.kill(victim, signal.SIGKILL)
    begun = await asyncio.gather(*(start_session(http) for _ in range(6)))
    assert {process_of(session_id) for session_id, _ in begun} == {"p0"}, (
        "they go elsewhere at once"
    )
    await lost.wait_for(Disconnected, PATIENCE_S, after=0)
    assert "nine" in (await ask_in_writing(kept, "When are you open?", PATIENCE_S)).text

    def is_back() -> bool:
        return pids_of(server)["p1"] != victim

    await asyncio.to_thread(server.wait_for_log, is_back, "a new process", PATIENCE_S)
    assert process_of((await start_session(http))[0]) == "p1"
    after = await counted(http)
    for name, value in before.items():
        if name.startswith("voice_agent_") and ("_total" in name or "_bucket" in name):
            assert after[name] >= value, name
    assert after["voice_agent_process_restarts_total"] == 1
    assert after["voice_agent_processes"] == 2
    await kept.close()
    await lost.close()


async def test_told_to_stop_it_ends_all_calls_and_leaves_nothing(server: RunningServer) -> None:
    calls = [Call(server.url, transport=TransportName.WEBSOCKET) for _ in range(2)]
    for call in calls:
        await call.connect()
    running = psutil.Process(server.process.pid).children(recursive=True)
    assert set(pids_of(server).values()) <= {process.pid for process in running}
    assert await asyncio.to_thread(server.stop) == 0
    for call in calls:
        await call.wait_for(Disconnected, PATIENCE_S, after=0)
        await call.close()
    assert not [process for process in running if process.is_running()]
    assert "killing" not in server.log


def test_without_its_supervisor_no_process_stays(folder: Path) -> None:
    nothing_to_load = {f"VOICE_AGENT_{stage}_PROVIDER": "openai" for stage in ("STT", "LLM", "TTS")}
    environment = nothing_to_load | {
        "VOICE_AGENT_LLM_MODEL": "none",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "VOICE_AGENT_PHRASE_CACHE_MB": "0",
    }
    options = ("--workers", "2", "--tls", "self-signed")
    with serving(folder, *options, environment=environment) as server:
        running = [psutil.Process(pid) for pid in pids_of(server).values()]
        assert len(running) == 2
        assert server.url.startswith("https:")
        os.kill(server.process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(running, timeout=PATIENCE_S)
        assert not alive
