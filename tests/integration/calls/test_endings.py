"""How calls end: by the client, by the network, by their limits, by the server; and come back."""

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.integration.calls.conftest import RESUME_WINDOW_S, end_of, session_log
from voice_agent.bench.churn import quiet
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.client.errors import CallDroppedError, CallRefusedError
from voice_agent.client.events import Disconnected, ServerError
from voice_agent.testing.running_server import RunningServer, serving

PATIENCE_S = 30.0


async def _greeted(call: Call) -> None:
    assert await greeting(call, within_s=PATIENCE_S) is not None


async def test_hanging_up_ends_the_session(server: RunningServer, transport: TransportName) -> None:
    async with Call(server.url, transport=transport, timeout_s=PATIENCE_S) as call:
        await _greeted(call)
    assert call.session_id is not None
    assert await end_of(server, call.session_id) == "client_left"


async def test_clients_that_vanish_are_noticed_and_given_up(server: RunningServer) -> None:
    ways = list(itertools.product(TransportName, (False, True)))
    calls = [Call(server.url, transport=kind, timeout_s=PATIENCE_S) for kind, _ in ways]
    try:
        for call, (_, silently) in zip(calls, ways, strict=True):
            await call.connect()
            await call.abort(silently=silently)
        for call in calls:
            assert call.session_id is not None
            await session_log(server, call.session_id, "ended: connection_lost")
            assert await end_of(server, call.session_id) == "connection_lost"
    finally:
        for call in calls:
            await call.close()


async def test_a_caller_who_was_cut_off_comes_back_to_the_same_conversation(
    server: RunningServer, transport: TransportName
) -> None:
    lost = Call(server.url, transport=transport, timeout_s=PATIENCE_S)
    await lost.connect()
    await _greeted(lost)
    await lost.abort()
    invitation = lost.invitation
    assert invitation is not None
    await lost.close()
    async with Call(server.url, timeout_s=PATIENCE_S, invitation=invitation) as back:
        assert back.session_id == lost.session_id
        got = await ask_in_writing(back, "Where can I park?", PATIENCE_S)
    assert "garage" in got.text
    said = " ".join(line.text for line in back.transcript)
    assert "front desk" not in said, "it does not greet again"
    assert await end_of(server, invitation.session_id) == "client_left"


async def test_after_the_resume_window_nobody_comes_back(server: RunningServer) -> None:
    lost = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
    await lost.connect()
    await lost.abort()
    await lost.close()
    assert lost.invitation is not None
    began = asyncio.get_running_loop().time()
    assert await end_of(server, lost.invitation.session_id) == "connection_lost"
    assert asyncio.get_running_loop().time() - began < RESUME_WINDOW_S + 5
    with pytest.raises(CallRefusedError) as caught:
        await Call(server.url, invitation=lost.invitation).connect()
    assert caught.value.status == 410


@pytest.mark.parametrize(
    ("agent", "code", "words", "reason"),
    [
        ("brief", 4412, "the session reached its longest duration", "max_duration"),
        ("idler", 4411, "the session was idle for too long", "idle"),
    ],
)
async def test_a_session_over_its_limits_ends_and_says_why(
    server: RunningServer, agent: str, code: int, words: str, reason: str
) -> None:
    async def outstay(transport: TransportName) -> None:
        async with Call(server.url, transport=transport, agent=agent, timeout_s=PATIENCE_S) as call:
            ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert call.session_id is not None
        _told(call, ended, transport, code, words)
        assert await end_of(server, call.session_id) == reason

    await asyncio.gather(*map(outstay, TransportName))


async def test_a_server_that_stops_tells_its_callers(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        calls = [Call(server.url, transport=kind, timeout_s=PATIENCE_S) for kind in TransportName]
        for call in calls:
            await call.connect()
        exit_code = await asyncio.to_thread(server.stop)
        for call in calls:
            ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
            assert call.transport is not None
            _told(call, ended, call.transport, 1012, "the server is stopping, connect again")
            with pytest.raises(CallDroppedError):
                await call.type_text("Anyone there?")
            await call.close()
    assert exit_code == 0
    assert "Traceback" not in server.log
    assert server.log.count("session suspended") == 2
    assert "session ended" not in server.log


async def test_nothing_is_left_of_calls_that_ended(server: RunningServer) -> None:
    counts = await quiet(server.probe)
    assert counts.connections == 0
    assert not [task for task in counts.tasks if "leg" in task or "session" in task], counts.tasks


def _told(call: Call, ended: Disconnected, transport: TransportName, code: int, words: str) -> None:
    """Check that the client was told, in the way of its transport."""
    if transport is TransportName.WEBSOCKET:
        assert ended.close_code == code
        assert words in ended.reason
    else:
        errors = [event for event in call.log if isinstance(event, ServerError)]
        assert [(error.message, error.fatal) for error in errors] == [(words, True)]
