"""Calls that go wrong: each ends with its own error, in one readable line."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
import uvloop

from tests.integration.client.bot_script import Script
from tests.integration.client.conftest import Serve
from tests.integration.client.wire_server import Behaviour
from voice_agent.client import (
    Call,
    CallDroppedError,
    CallError,
    CallRefusedError,
    CallTimeoutError,
    NoAnswerError,
    ServerUnreachableError,
    Speech,
    TransportName,
    ask,
    greeting,
)
from voice_agent.client.events import BotInterrupted, Disconnected

BOTH = pytest.mark.parametrize("transport", list(TransportName))


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def fails(call: Call) -> CallError:
    with pytest.raises(CallError) as caught:
        await call.connect()
    assert "\n" not in str(caught.value)
    assert call.ended is not None
    return caught.value


async def test_nothing_listens(closed_port: int) -> None:
    error = await fails(Call(f"http://127.0.0.1:{closed_port}"))

    assert isinstance(error, ServerUnreachableError)
    assert str(error).endswith("cannot be reached: nothing listens there")


async def test_a_server_never_answers(mute_port: int) -> None:
    error = await fails(Call(f"http://127.0.0.1:{mute_port}", timeout_s=0.2))

    assert isinstance(error, ServerUnreachableError)
    assert "did not answer within 0.2 s" in str(error)


async def test_a_server_of_another_kind(serve: Serve) -> None:
    server = await serve(Behaviour(refusal=(200, {"hello": "world"})))

    error = await fails(Call(server.url))

    assert isinstance(error, ServerUnreachableError)
    assert "not as a voice agent server does" in str(error)


async def test_an_address_without_our_routes(serve: Serve) -> None:
    server = await serve()

    error = await fails(Call(server.url + "/elsewhere"))

    assert isinstance(error, ServerUnreachableError)
    assert "is no voice agent server (404 Not Found)" in str(error)


async def test_a_refusal_is_told_in_the_servers_words(serve: Serve) -> None:
    problem = {"title": "Not found", "detail": "no agent 'nobody'; there is 'frontdesk'"}
    server = await serve(Behaviour(refusal=(404, problem)))

    error = await fails(Call(server.url, agent="nobody"))

    assert isinstance(error, CallRefusedError)
    assert (str(error), error.status) == (problem["detail"], 404)


async def test_a_transport_that_is_not_offered(serve: Serve) -> None:
    server = await serve(Behaviour(offers=("websocket",)))

    error = await fails(Call(server.url, transport=TransportName.WEBRTC))

    assert isinstance(error, CallRefusedError)
    assert str(error) == "the server offers websocket, not webrtc"


async def test_a_refused_offer(serve: Serve) -> None:
    server = await serve(Behaviour(offer_refusal=(429, {"detail": "enough calls run"})))

    error = await fails(Call(server.url, transport=TransportName.WEBRTC))

    assert isinstance(error, CallRefusedError)
    assert str(error) == "enough calls run"


async def test_a_refused_websocket(serve: Serve) -> None:
    server = await serve(Behaviour(websocket_refusal=403))

    error = await fails(Call(server.url, transport=TransportName.WEBSOCKET))

    assert isinstance(error, CallRefusedError)
    assert str(error) == "the WebSocket was refused: 403 Forbidden"


async def test_no_transport_gets_through(serve: Serve) -> None:
    behaviour = Behaviour(offer_refusal=(503, {"detail": "no UDP"}), websocket_refusal=403)
    server = await serve(behaviour)

    error = await fails(Call(server.url))

    assert isinstance(error, ServerUnreachableError)
    assert "webrtc: no UDP; websocket: the WebSocket was refused" in str(error)


async def test_an_answer_that_is_no_sdp(serve: Serve) -> None:
    server = await serve(Behaviour(offer_refusal=(200, {"sdp": "nonsense", "type": "answer"})))

    error = await fails(Call(server.url, transport=TransportName.WEBRTC))

    assert isinstance(error, ServerUnreachableError)


@BOTH
async def test_a_bot_that_is_never_ready(serve: Serve, transport: TransportName) -> None:
    server = await serve(Behaviour(Script(ready=False)))

    error = await fails(Call(server.url, transport=transport, timeout_s=1.0))

    assert isinstance(error, CallTimeoutError)
    assert str(error) == "BotReady did not happen within 1 s"


@BOTH
async def test_a_bot_that_does_not_answer(
    serve: Serve, question: Speech, transport: TransportName
) -> None:
    server = await serve(Behaviour(Script(answers=False)))

    async with Call(server.url, transport=transport) as call:
        await greeting(call)
        with pytest.raises(NoAnswerError, match=r"no answer came within 0.5 s"):
            await ask(call, question, timeout_s=0.5)


async def test_a_bot_without_a_greeting(serve: Serve) -> None:
    server = await serve(Behaviour(Script(greeting_s=0.0)))

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        assert await greeting(call, within_s=0.3) is None


@BOTH
async def test_a_server_that_hangs_up_releases_all_who_wait(
    serve: Serve, question: Speech, transport: TransportName
) -> None:
    server = await serve(Behaviour(Script(drops_after_s=0.1)))

    async with Call(server.url, transport=transport) as call:
        await greeting(call)
        speaking = asyncio.create_task(ask(call, question))
        with pytest.raises(CallDroppedError, match="the server closed the connection") as caught:
            await call.wait_for(BotInterrupted, 5.0)
        with pytest.raises(CallDroppedError):
            await speaking
        with pytest.raises(CallDroppedError):
            await call.say(question)

    assert caught.value.close_code == (1001 if transport is TransportName.WEBSOCKET else None)
    assert isinstance(call.ended, Disconnected)
    assert not call.ended.by_caller


async def test_a_close_reason_is_told(serve: Serve) -> None:
    behaviour = Behaviour(Script(drops_after_s=0.0), closes_with=(4001, b"time is up"))
    server = await serve(behaviour)

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        with pytest.raises(CallDroppedError) as caught:
            await call.wait_for(BotInterrupted, 5.0)

    assert str(caught.value) == "the server closed the connection with code 4001: time is up"


@pytest.mark.parametrize("sent", [b"\xff\xff\xff\xff", b"\x22\x03\x0a\x01{"])
async def test_an_unreadable_frame_ends_the_call(serve: Serve, sent: bytes) -> None:
    server = await serve(Behaviour(sends=sent))

    error = await fails(Call(server.url, transport=TransportName.WEBSOCKET))

    assert isinstance(error, CallDroppedError)
    assert str(error).startswith("the server sent something unreadable")


async def test_a_cut_websocket_reaches_the_server_without_a_close_frame(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        await call.abort()
        async with asyncio.timeout(2.0):
            assert await server.seen.close_codes.get() is None


async def test_a_websocket_is_cut_on_uvloop_too(serve: Serve) -> None:
    server = await serve()

    async def cut() -> None:
        async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
            await call.abort()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(cut())

    await asyncio.to_thread(run)
    async with asyncio.timeout(2.0):
        assert await server.seen.close_codes.get() is None


async def test_a_websocket_that_hangs_up_says_so(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET):
        pass

    async with asyncio.timeout(2.0):
        assert await server.seen.close_codes.get() == 1000


async def test_a_silent_end_is_not_noticed_until_the_call_is_closed(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        bot = server.seen.bots[0]
        await call.until(lambda: bot.packets or None, 2.0, "a first packet")
        await call.abort(silently=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await server.seen.close_codes.get()

    async with asyncio.timeout(2.0):
        assert await server.seen.close_codes.get() == 1000


async def test_a_vanished_peer_says_nothing(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBRTC) as call:
        await greeting(call)
        await call.abort()

    assert server.seen.peers[0].connectionState == "connected", "no close reached it"
    assert server.seen.close_codes.empty()


async def test_a_client_without_a_microphone_sends_no_audio(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET, microphone=False) as call:
        assert await greeting(call) is not None

    assert server.seen.bots[0].packets == 0


async def test_a_client_that_never_says_it_is_ready(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET, announce=False) as call:
        bot = server.seen.bots[0]
        await call.until(lambda: bot.packets >= 3 or None, 2.0, "audio")

    assert server.seen.bots[0].received == []
