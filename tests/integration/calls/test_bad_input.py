"""Bad input over the real wire: a clear error or a close with a code, one log line, nothing left.

Beside all of it one healthy call goes on, and still answers at the end. What the HTTP routes
answer to what is tests/integration/api's.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from pipecat.frames.protobufs import frames_pb2

from tests.integration.calls.conftest import hang_up, session_log
from voice_agent.bench.idle_connections import connect_and_say_nothing
from voice_agent.client import Call, TransportName, ask_in_writing
from voice_agent.client.events import ServerError, Speaker, Transcript
from voice_agent.client.signalling import websocket_url
from voice_agent.client.websocket import audio_frame, message_frame
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("unharmed")

PATIENCE_S = 10.0
SILENCE = audio_frame(bytes(640))
Frame: Any = frames_pb2.Frame  # type: ignore[attr-defined] # made at run time


def _frame(**fields: Any) -> bytes:
    serialized: bytes = Frame(**fields).SerializeToString()
    return serialized


TRUNCATED = audio_frame(bytes(640))[:100]
UNKNOWN = b"\xfa\x7f\x03abc"
"""A field that no version of the protocol has."""
TEXT_FRAME = _frame(text={"text": "Say this."})
NO_JSON = _frame(message={"data": "{this is no JSON"})
DEEP_JSON = _frame(message={"data": "[" * 60_000})
NOT_RTVI = _frame(message={"data": json.dumps([1, 2, 3])})
FLOOD = [audio_frame(bytes(32_000))] * 30


@pytest_asyncio.fixture
async def unharmed(server: RunningServer) -> AsyncIterator[Call]:
    """A call that goes on beside the test, and is answered after it as before."""
    async with Call(
        server.url, transport=TransportName.WEBSOCKET, microphone=False, timeout_s=PATIENCE_S
    ) as call:
        await _ask_about_parking(call)
        yield call
        await _ask_about_parking(call)


async def _ask_about_parking(call: Call) -> None:
    asked_at = await call.type_text("Where can I park?")
    await call.wait_for(
        Transcript,
        PATIENCE_S,
        after=asked_at,
        where=lambda said: said.speaker is Speaker.BOT and "garage" in said.text,
    )


@dataclass
class _Opened:
    """A fresh session and its socket."""

    session_id: str
    socket: aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def _open(server: RunningServer) -> AsyncIterator[_Opened]:
    """Open a session and a socket to it; end it, and check that nothing of it is left."""
    sessions = server.url.rstrip("/") + "/v1/sessions"
    async with aiohttp.ClientSession() as http:
        async with http.post(sessions, json={}) as response:
            created = await response.json()
        session_id = created["session_id"]
        (url,) = [step["url"] for step in created["transports"] if step["type"] == "websocket"]
        async with http.ws_connect(websocket_url(url), compress=0) as socket:
            yield _Opened(session_id, socket)
    await hang_up(server, session_id, created["token"])
    await _nothing_left_of(server, session_id)


async def _closed_with(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data, message.extra or ""
            if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return socket.close_code, ""


@pytest.mark.parametrize("at", ["first", "later"])
@pytest.mark.parametrize(
    ("messages", "code", "words"),
    [
        ([b"\xff\xfe\xfd garbage \x00\x01"], 1007, "not a Pipecat protobuf frame"),
        ([TRUNCATED], 1007, "not a Pipecat protobuf frame"),
        ([NO_JSON], 1007, "not JSON"),
        ([DEEP_JSON], 1007, "not JSON"),
        ([UNKNOWN], 1003, "unknown frames are not taken"),
        ([TEXT_FRAME], 1003, "text frames are not taken"),
        (["hello"], 1003, "binary Pipecat protobuf frames"),
        ([bytes(300 * 1024)], 1009, ""),
        ([audio_frame(bytes(640), 1)], 1003, "1 Hz"),
        ([audio_frame(bytes(640), 16_000, 6)], 1003, "6 channels"),
        ([audio_frame(bytes(641))], 1003, "no whole number of 16-bit samples"),
        (FLOOD, 1008, "ahead of real time"),
    ],
    ids=[
        *("garbage", "truncated", "no JSON", "deep JSON", "unknown frame", "text frame"),
        *("text message", "over the limit", "1 Hz", "six channels", "half a sample", "flood"),
    ],
)
async def test_what_breaks_the_rules_is_closed_with_a_code(
    server: RunningServer, messages: Sequence[bytes | str], code: int, words: str, at: str
) -> None:
    async with _open(server) as opened:
        if at == "later":
            await opened.socket.send_bytes(SILENCE)
            await opened.socket.receive()
        for message in messages:
            with contextlib.suppress(ConnectionError):
                if isinstance(message, str):
                    await opened.socket.send_str(message)
                else:
                    await opened.socket.send_bytes(message)
        got = await _closed_with(opened.socket)
    assert got[0] == code
    assert words in got[1]
    if words:
        assert len(await session_log(server, opened.session_id, words)) == 1, "logged once"
    else:
        await session_log(server, opened.session_id, f"closed {code}")
    assert not [line for line in server.records(opened.session_id) if line["level"] == "ERROR"]


async def test_a_message_that_is_no_rtvi_is_answered_with_an_error(server: RunningServer) -> None:
    async with _open(server) as opened:
        await opened.socket.send_bytes(SILENCE)
        for _ in range(3):
            await opened.socket.send_bytes(NOT_RTVI)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = Frame.FromString((await opened.socket.receive()).data)
                if "a message is a JSON object" in frame.message.data:
                    break
        refused = await session_log(server, opened.session_id, "a message is a JSON object")
        assert len(refused) == 1


WRONG_MESSAGES: tuple[dict[str, Any], ...] = (
    {"type": "no-such-type", "id": "1", "label": "rtvi-ai"},
    {"type": "send-text", "id": "2", "label": "rtvi-ai", "data": {"content": 7}},
    {"type": 5},
    {},
    {},
)


async def test_wrong_messages_are_answered_and_the_call_goes_on(
    server: RunningServer, transport: TransportName
) -> None:
    async with Call(server.url, transport=transport, timeout_s=PATIENCE_S) as call:
        for message in WRONG_MESSAGES:
            await call.send_message(message)
        await call.until(
            lambda: len(_errors(call)) == len(WRONG_MESSAGES) or None, PATIENCE_S, "each error"
        )
        got = await ask_in_writing(call, "Where can I park?", PATIENCE_S)
    assert got.text
    assert {error.fatal for error in _errors(call)} == {False}
    assert call.session_id is not None
    refused = await session_log(server, call.session_id, "refused from the client")
    assert len(refused) == len(set(refused)), "each fault is logged once"
    await _nothing_left_of(server, call.session_id)


@pytest.mark.parametrize("garbage", ["garbage", b"\xff\xfe", "[" * 60_000, "[1, 2, 3]", '"type"'])
async def test_garbage_on_the_data_channel_closes_the_call_with_a_reason(
    server: RunningServer, garbage: str | bytes
) -> None:
    async with Call(server.url, transport=TransportName.WEBRTC, timeout_s=PATIENCE_S) as call:
        for _ in range(3):
            _channel(call).send(garbage)
        await call.until(lambda: _errors(call) or None, PATIENCE_S, "the reason")
    assert [error.fatal for error in _errors(call)] == [True]
    assert call.session_id is not None
    assert len(await session_log(server, call.session_id, "closing the connection")) == 1
    assert not [line for line in server.records(call.session_id) if line["level"] == "ERROR"]


def _channel(call: Call) -> Any:
    """Return the data channel itself, for what the client would not send."""
    return call._media._channel  # type: ignore[union-attr]


def _errors(call: Call) -> list[ServerError]:
    return [event for event in call.log if isinstance(event, ServerError)]


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 1), (48_000, 2)], ids=str)
async def test_other_sample_rates_and_stereo_are_understood(
    server: RunningServer, rate: int, channels: int
) -> None:
    """They are converted, so that the caller is heard."""
    from voice_agent.bench.callers import spoken
    from voice_agent.client.speech import resample

    speech = spoken("What are your opening hours on Saturday?", "slt")
    mono = resample(speech.samples, speech.sample_rate, rate)
    samples = mono.repeat(channels)
    step = rate // 50 * channels
    async with _open(server) as opened:
        socket = opened.socket
        await socket.send_bytes(
            message_frame({"type": "client-ready", "label": "rtvi-ai", "id": "1", "data": {}})
        )

        async def speak() -> None:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(10_000):
                packet = samples[number * step : (number + 1) * step].tobytes()
                packet += bytes(2 * step - len(packet))
                await socket.send_bytes(audio_frame(packet, rate, channels))
                await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - loop.time()))

        speaking = asyncio.create_task(speak())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    frame = Frame.FromString((await socket.receive()).data)
                    if (
                        "user-transcription" in frame.message.data
                        and "what are your" in frame.message.data
                    ):
                        break
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)


async def test_clients_that_connect_and_say_nothing_are_closed_and_cost_no_recogniser(
    server: RunningServer,
) -> None:
    silent = Call(
        server.url,
        transport=TransportName.WEBRTC,
        microphone=False,
        announce=False,
        timeout_s=PATIENCE_S,
    )
    await silent.connect()
    idle = await connect_and_say_nothing(server, 100)
    await silent.close()
    assert idle.opened == 100
    assert idle.close_codes == {4408: 100}
    assert idle.during.children == idle.before.children
    assert idle.bytes_each < 300 * 1024
    assert silent.session_id is not None
    assert len(await session_log(server, silent.session_id, "before it carried anything")) == 1
    assert idle.after.peers == idle.before.peers - 1
    assert silent.invitation is not None
    await hang_up(server, silent.session_id, silent.invitation.token)
    await _nothing_left_of(server, silent.session_id)


async def _nothing_left_of(server: RunningServer, session_id: str) -> None:
    """Wait until the session is over and no task of it is left."""
    await session_log(server, session_id, "session ended")
    left: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while left := await _tasks_of(server, session_id):
                pass
    except TimeoutError:
        pytest.fail(f"{left} is left of the session")


async def _tasks_of(server: RunningServer, session_id: str) -> list[str]:
    return [task for task in (await server.probe.count()).tasks if session_id[:8] in task]
