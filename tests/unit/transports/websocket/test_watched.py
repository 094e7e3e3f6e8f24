import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.websockets import WebSocket

from tests.unit.transports.websocket.test_serializer import Frame, audio
from voice_agent.transports.base import CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import MAX_WAITING_MESSAGES, ConnectionState
from voice_agent.transports.websocket.watched import WatchedWebSocket

READY = '{"label": "rtvi-ai", "type": "client-ready", "id": "1"}'
TYPED = '{"label": "rtvi-ai", "type": "send-text", "id": "2", "data": {"content": "Hello?"}}'


class Line:
    """A WebSocket on which a test sends."""

    def __init__(self) -> None:
        self.state = ConnectionState(TransportKind.WEBSOCKET, None)
        self._asgi: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._asgi.put_nowait({"type": "websocket.connect"})

    async def open(self) -> WatchedWebSocket:
        async def ignore(_: object) -> None:
            return None

        websocket = WebSocket({"type": "websocket"}, self._asgi.get, ignore)
        await websocket.accept()
        return WatchedWebSocket(websocket, self.state)

    def send(self, data: bytes | str) -> None:
        kind = "bytes" if isinstance(data, bytes) else "text"
        self._asgi.put_nowait({"type": "websocket.receive", kind: data})

    def hang_up(self, code: int) -> None:
        self._asgi.put_nowait({"type": "websocket.disconnect", "code": code})


def message(data: str) -> bytes:
    frame = Frame()
    frame.message.data = data
    return bytes(frame.SerializeToString())


@pytest.mark.parametrize("first", [audio(), message(TYPED)], ids=["audio", "typed words"])
async def test_what_arrives_before_and_after_the_call_begins_is_not_lost(first: bytes) -> None:
    line = Line()
    websocket = await line.open()
    sent = [message(READY), first, audio(0.04), audio(0.06)]
    for data in sent:
        line.send(data)
    await line.state.wait_carrying(timeout_s=5)
    assert [(await websocket.receive())["bytes"] for _ in sent] == sent
    line.hang_up(1000)
    assert (await websocket.receive())["type"] == "websocket.disconnect"
    assert await line.state.wait_ended() is ConnectionEnd.LEFT


@pytest.mark.virtual_time
async def test_a_client_that_types_is_not_cut_off_by_the_wait_for_its_audio() -> None:
    line = Line()
    websocket = await line.open()
    line.send(message(READY))
    await line.state.wait_carrying(timeout_s=5)
    assert (await websocket.receive())["bytes"] == message(READY)
    waiting = asyncio.create_task(websocket.receive())
    await asyncio.sleep(1)
    for data in (message(TYPED), audio()):
        line.send(data)
    assert (await waiting)["bytes"] == message(TYPED)
    assert (await websocket.receive())["bytes"] == audio()
    await websocket.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe garbage", CloseReason.INVALID_PAYLOAD),
        ("text", CloseReason.UNSUPPORTED_DATA),
        (message("{no json"), CloseReason.INVALID_PAYLOAD),
        (message("[1, 2]"), CloseReason.INVALID_PAYLOAD),
        (audio(rate=1_000), CloseReason.UNSUPPORTED_DATA),
        (bytes(Frame().SerializeToString()), CloseReason.UNSUPPORTED_DATA),
    ],
    ids=["garbage", "text", "no JSON", "no object", "rate", "no frame"],
)
async def test_garbage_never_makes_a_connection_carry(
    data: bytes | str, reason: CloseReason
) -> None:
    line = Line()
    websocket = await line.open()
    line.send(data)
    line.send(audio())
    assert await line.state.wait_ended() is ConnectionEnd.CLOSED
    assert not line.state.is_carrying
    assert line.state.violation is not None
    assert line.state.violation.reason is reason
    await websocket.close()


async def test_not_everything_is_kept() -> None:
    line = Line()
    websocket = await line.open()
    for _ in range(MAX_WAITING_MESSAGES + 5):
        line.send(message("{}"))
    assert await line.state.wait_ended() is ConnectionEnd.CLOSED
    assert line.state.violation is not None
    assert line.state.violation.reason is CloseReason.FLOODING
    await websocket.close()
