"""Clients that come back by themselves: the connection is lost, and the conversation goes on."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.calls.conftest import end_of, session_log
from voice_agent.client import (
    Call,
    ConnectionLost,
    Reconnected,
    Speech,
    TransportName,
    ask,
    ask_in_writing,
    greeting,
)
from voice_agent.client.events import Disconnected
from voice_agent.testing.cut_proxy import CutProxy, cut_proxy
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 30.0
RECONNECT_S = 20.0


@pytest.fixture
def own_server(agents: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """A server for one test, which may be stopped or killed."""
    environment = {"VOICE_AGENT_AGENTS_DIR": str(agents), "VOICE_AGENT_LOG_FORMAT": "json"}
    with serving(tmp_path, environment=environment) as running:
        yield running


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[CutProxy]:
    """A network to the server that can be cut."""
    with cut_proxy(server.port) as network:
        yield network


@contextlib.asynccontextmanager
async def calling(port: int, transport: TransportName, reconnect_s: float) -> AsyncIterator[Call]:
    """A call that was greeted; nothing of it may be left afterwards."""
    before = asyncio.all_tasks()
    url = f"http://127.0.0.1:{port}"
    call = Call(url, transport=transport, timeout_s=PATIENCE_S, reconnect_s=reconnect_s)
    async with call:
        assert await greeting(call, within_s=PATIENCE_S) is not None
        yield call
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left


def greetings(call: Call) -> int:
    """How often the bot greeted."""
    return " ".join(line.text for line in call.transcript).count("front desk")


async def test_a_websocket_that_is_cut_comes_back_and_is_not_greeted_again(
    server: RunningServer, proxy: CutProxy
) -> None:
    async with calling(proxy.port, TransportName.WEBSOCKET, RECONNECT_S) as call:
        session = call.session_id
        assert session is not None
        assert greetings(call) == 1
        for _ in range(2):
            proxy.cut()
            lost = await call.wait_for(ConnectionLost, PATIENCE_S)
            back = await call.wait_for(Reconnected, PATIENCE_S, after=lost.at)
            assert lost.close_code == 1006
            assert back.after_s < 3
            got = await ask_in_writing(call, "Where can I park?", PATIENCE_S)
            assert "garage" in got.text
        assert call.session_id == session
        assert greetings(call) == 1
    assert await end_of(server, session) == "client_left"


async def test_a_network_that_is_away_for_a_while_is_waited_for(
    proxy: CutProxy, parking: Speech
) -> None:
    async with calling(proxy.port, TransportName.WEBSOCKET, RECONNECT_S) as call:
        loop = asyncio.get_running_loop()
        proxy.refuse()
        await call.wait_for(ConnectionLost, PATIENCE_S)
        taken = proxy.taken
        # Spoken while it is away: it waits, as a person would.
        asking = loop.create_task(ask(call, parking, PATIENCE_S))
        await call.until(lambda: proxy.taken >= taken + 3 or None, None, "three attempts")
        assert call.is_lost
        proxy.mend()
        back = await call.wait_for(Reconnected, PATIENCE_S)
        got = await asking
        assert got.ended_at > back.at
        assert "garage" in got.text
        assert greetings(call) == 1


async def test_a_dead_network_is_noticed_though_nothing_closes(proxy: CutProxy) -> None:
    async with calling(proxy.port, TransportName.WEBSOCKET, RECONNECT_S) as call:
        began = asyncio.get_running_loop().time()
        proxy.mute()
        await call.wait_for(ConnectionLost, PATIENCE_S)
        assert asyncio.get_running_loop().time() - began < 7
        proxy.mend()
        await call.wait_for(Reconnected, PATIENCE_S)
        got = await ask_in_writing(call, "Where can I park?", PATIENCE_S)
        assert "garage" in got.text


async def test_a_server_that_stands_still_is_noticed_soon_over_webrtc_and_come_back_to(
    server: RunningServer,
) -> None:
    async with calling(server.port, TransportName.WEBRTC, RECONNECT_S) as call:
        loop = asyncio.get_running_loop()
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = loop.time()
            await call.wait_for(ConnectionLost, PATIENCE_S)
            assert loop.time() - began < 5
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        back = await call.wait_for(Reconnected, PATIENCE_S)
        assert back.transport == TransportName.WEBRTC
        got = await ask_in_writing(call, "Where can I park?", PATIENCE_S)
        assert "garage" in got.text
        assert greetings(call) == 1


async def test_a_server_that_is_killed_is_noticed_soon_and_given_up_in_time(
    own_server: RunningServer, transport: TransportName
) -> None:
    async with calling(own_server.port, transport, 2.0) as call:
        loop = asyncio.get_running_loop()
        began = loop.time()
        own_server.kill()
        await call.wait_for(ConnectionLost, PATIENCE_S)
        lost_after = loop.time() - began
        ended = await call.wait_for(Disconnected, PATIENCE_S)
        assert lost_after < (1 if transport is TransportName.WEBSOCKET else 5)
        assert "there is no way back: not within 2 s" in ended.reason
        assert not ended.by_caller


async def test_a_server_that_stops_is_waited_for_and_its_successor_says_that_the_session_is_over(
    own_server: RunningServer, transport: TransportName, tmp_path: Path
) -> None:
    with cut_proxy(own_server.port) as network:
        async with calling(network.port, transport, RECONNECT_S) as call:
            network.refuse()
            await asyncio.to_thread(own_server.stop)
            lost = await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
            if transport is TransportName.WEBRTC:
                assert "the server is stopping, connect again" in lost.reason
            (tmp_path / "next").mkdir()
            with serving(tmp_path / "next") as successor:
                network.target(successor.port)
                network.mend()
                ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
    assert "there is no way back" in ended.reason


async def test_a_call_that_ends_in_order_is_not_come_back_to(
    server: RunningServer, transport: TransportName
) -> None:
    call = Call(
        server.url,
        transport=transport,
        agent="brief",
        timeout_s=PATIENCE_S,
        reconnect_s=RECONNECT_S,
    )
    async with call:
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
    assert "longest duration" in ended.reason
    assert not [event for event in call.log if isinstance(event, ConnectionLost)]


async def test_a_client_that_another_displaced_leaves_it_the_call(
    server: RunningServer, transport: TransportName
) -> None:
    async with calling(server.port, transport, RECONNECT_S) as first:
        invitation = first.invitation
        assert invitation is not None
        async with Call(server.url, timeout_s=PATIENCE_S, invitation=invitation) as second:
            ended = await first.wait_for(Disconnected, PATIENCE_S, after=0)
            assert "took the session over" in ended.reason
            got = await ask_in_writing(second, "Where can I park?", PATIENCE_S)
            assert "garage" in got.text
    assert await end_of(server, invitation.session_id) == "client_left"
    assert len(await session_log(server, invitation.session_id, " over web")) == 2
