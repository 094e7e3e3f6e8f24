"""Calls whose connection is lost, on a server that can be made to do anything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.integration.client.conftest import Serve
from tests.integration.client.wire_server import WireServer
from voice_agent.client import (
    Call,
    ConnectionLost,
    Reconnected,
    Speech,
    TransportName,
    ask_in_writing,
    bot_finished,
    greeting,
)
from voice_agent.client.events import Disconnected
from voice_agent.client.speech import PACKET_S
from voice_agent.testing.cut_proxy import CutProxy, cut_proxy

PATIENCE_S = 10.0


@contextlib.asynccontextmanager
async def calling(
    server: WireServer, reconnect_s: float = 10.0
) -> AsyncIterator[tuple[Call, CutProxy]]:
    """A greeted call over WebSocket, through a network that can be cut; it leaves nothing."""
    before = asyncio.all_tasks()
    with cut_proxy(int(server.url.rpartition(":")[2])) as network:
        url = f"http://127.0.0.1:{network.port}"
        call = Call(url, transport=TransportName.WEBSOCKET, reconnect_s=reconnect_s)
        async with call:
            await greeting(call)
            yield call, network
        mine = {task for task in asyncio.all_tasks() - before if "client" in repr(task.get_coro())}
        assert not mine


async def test_time_goes_on_while_the_connection_is_lost(serve: Serve, question: Speech) -> None:
    server = await serve()
    async with calling(server) as (call, network):
        utterance = await call.say(question)
        await call.until(lambda: utterance.onset_at, PATIENCE_S, "the onset")
        network.refuse()
        lost = await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        await asyncio.sleep(2.0)
        network.mend()
        back = await call.wait_for(Reconnected, PATIENCE_S)
        packets = server.seen.bots[-1].packets
        arrived_s = call._clock() - lost.at

        assert utterance.started_at is not None
        assert await utterance.voice_ended() < lost.at + question.end_s, "it was said meanwhile"
        assert back.after_s >= 2.0
        assert packets * PACKET_S < arrived_s / 2, "nothing of it is sent afterwards"


async def test_a_refusal_that_passes_is_waited_for(serve: Serve) -> None:
    server = await serve()
    async with calling(server) as (call, network):
        server.behaviour.websocket_refusal = 503
        network.cut()
        await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        seen = len(server.seen.sockets)
        await call.until(lambda: len(server.seen.sockets) > seen + 2 or None, None, "attempts")
        server.behaviour.websocket_refusal = None
        await call.wait_for(Reconnected, PATIENCE_S)
        attempts = [request.query.get("attempt") for request in server.seen.sockets]
        assert None not in attempts
        assert len(set(attempts)) == len(attempts), "each attempt has an id of its own"


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_a_session_that_is_over_ends_the_call_at_once(serve: Serve, status: int) -> None:
    server = await serve()
    async with calling(server) as (call, network):
        server.behaviour.websocket_refusal = status
        taken = network.taken
        network.cut()
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert f"there is no way back: the WebSocket was refused: {status}" in ended.reason
        assert network.taken == taken + 1


async def test_a_close_frame_that_ends_the_session_ends_the_search(serve: Serve) -> None:
    server = await serve()
    async with calling(server) as (call, network):
        server.behaviour.closes_at_once = (1000, b"the session is over")
        network.cut()
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert ended.reason.endswith("with code 1000: the session is over")


async def test_a_server_that_hangs_is_given_up_in_time(serve: Serve) -> None:
    server = await serve()
    async with calling(server, reconnect_s=1.5) as (call, network):
        network.mute()
        network.cut()
        lost = await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert "not within 1.5 s" in ended.reason
        assert ended.at - lost.at < 3
        network.mend()


async def test_hanging_up_while_the_connection_is_lost(serve: Serve) -> None:
    server = await serve()
    async with calling(server) as (call, network):
        network.refuse()
        await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        await call.close()
        taken = network.taken
        network.mend()
        assert call.ended is not None
        assert call.ended.by_caller
        await asyncio.sleep(0.5)
        assert network.taken == taken, "it does not try any more"


async def test_the_same_conversation_goes_on_over_the_other_transport(serve: Serve) -> None:
    server = await serve()
    async with Call(server.url, reconnect_s=10.0) as call:
        await greeting(call)
        assert call.transport is TransportName.WEBRTC
        heard_s = call.heard.received_s
        server.behaviour.offer_refusal = (503, {"detail": "no UDP"})
        await server.seen.bots[-1].send_away()
        lost = await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        back = await call.wait_for(Reconnected, PATIENCE_S, after=0)
        await bot_finished(call, back.at)
        got = await ask_in_writing(call, "and now?", PATIENCE_S)

        assert "connect again" in lost.reason
        assert back.transport == TransportName.WEBSOCKET
        assert "You wrote." in got.text
        assert 0.3 < got.ended_at - got.first_audio_at < 0.8, "it sounds as long as it is"
        assert call.heard.received_s > heard_s
        # Its segments are numbered anew, and still are no repetitions.
        assert [line.text for line in call.transcript].count("Hello.") == 2


async def test_without_leave_a_lost_connection_ends_the_call(serve: Serve) -> None:
    server = await serve()
    async with calling(server, reconnect_s=0) as (call, network):
        network.cut()
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert ended.reason == "the connection was lost"
        assert not [event for event in call.log if isinstance(event, ConnectionLost)]
