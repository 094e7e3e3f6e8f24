"""The server's WebSocket protocol on a real socket: every frame arrives, however it is cut."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from websockets.frames import Frame, Opcode

from voice_agent.server import MediaWebSocketProtocol

MAX_BYTES = 70_000
PATIENCE_S = 5.0
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Inbox:
    """An ASGI application that keeps what it receives."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Accept and receive until the end."""
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while True:
            await self.reads.wait()
            message = await receive()
            self.messages.put_nowait(message)
            if message["type"] == "websocket.disconnect":
                return

    async def next(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.messages.get()

    async def binary(self) -> bytes:
        """Return the next message, which has to be a binary one."""
        data = (await self.next())["bytes"]
        assert isinstance(data, bytes)
        return data


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter, Inbox]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Give a connected client and what the server's application receives."""
    inbox = Inbox()
    config = uvicorn.Config(
        inbox,
        port=0,
        ws=MediaWebSocketProtocol,
        ws_max_size=MAX_BYTES,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader, writer, inbox
    finally:
        inbox.reads.set()
        writer.close()
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_S):
            await serving


def frame(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    """Return a frame as a client sends it."""
    return Frame(opcode, data, fin=fin).serialize(mask=mask)


async def close_code(reader: asyncio.StreamReader) -> int:
    """Return the code of the close frame that comes next."""
    async with asyncio.timeout(PATIENCE_S):
        first, second = await reader.readexactly(2)
        assert first == 0x88
        payload = await reader.readexactly(second)
    return int.from_bytes(payload[:2])


@pytest.mark.parametrize("size", [0, 1, 125, 126, 640, 65_535, 65_536, MAX_BYTES])
async def test_binary_messages_of_every_length_arrive(client: Client, size: int) -> None:
    _, writer, inbox = client
    data = os.urandom(size)
    writer.write(frame(Opcode.BINARY, data))
    assert await inbox.binary() == data


async def test_a_message_arrives_that_comes_byte_by_byte(client: Client) -> None:
    _, writer, inbox = client
    first, second = os.urandom(300), os.urandom(20)
    for byte in frame(Opcode.BINARY, first) + frame(Opcode.BINARY, second):
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await inbox.binary() == first
    assert await inbox.binary() == second


async def test_frames_that_come_at_once_arrive_in_their_order(client: Client) -> None:
    reader, writer, inbox = client
    writer.write(
        frame(Opcode.BINARY, b"one")
        + frame(Opcode.TEXT, b"two")
        + frame(Opcode.BINARY, b"th", fin=False)
        + frame(Opcode.PING, b"there?")
        + frame(Opcode.CONT, b"ree")
        + frame(Opcode.BINARY, b"four")
    )
    assert await inbox.binary() == b"one"
    assert (await inbox.next())["text"] == "two"
    assert await inbox.binary() == b"three"
    assert await inbox.binary() == b"four"
    assert await reader.readexactly(8) == frame(Opcode.PONG, b"there?", mask=False)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(Opcode.BINARY, bytes(MAX_BYTES + 1)), 1009),
        (frame(Opcode.BINARY, b"open to all", mask=False), 1002),
        (b"\xc2\x80\x00\x00\x00\x00", 1002),
        (frame(Opcode.BINARY, b"a", fin=False) + frame(Opcode.BINARY, b"b"), 1002),
        (frame(Opcode.CONT, b"of what?"), 1002),
    ],
    ids=["too long", "not masked", "reserved bit", "new message inside another", "nothing begun"],
)
async def test_what_breaks_the_protocol_ends_the_connection(
    client: Client, sent: bytes, code: int
) -> None:
    reader, writer, inbox = client
    writer.write(frame(Opcode.BINARY, b"fine"))
    assert await inbox.binary() == b"fine"
    writer.write(sent)
    assert await close_code(reader) == code
    message = await inbox.next()
    assert (message["type"], message["code"]) == ("websocket.disconnect", code)


async def test_a_goodbye_is_told_from_vanishing(client: Client) -> None:
    _, writer, inbox = client
    writer.write(frame(Opcode.CLOSE, (1000).to_bytes(2)) + frame(Opcode.BINARY, b"too late"))
    assert (await inbox.next())["code"] == 1000


async def test_vanishing_is_told_from_a_goodbye(client: Client) -> None:
    _, writer, inbox = client
    writer.write(frame(Opcode.BINARY, b"half a frame")[:7])
    writer.write_eof()
    writer.transport.abort()
    assert (await inbox.next())["code"] == 1006


async def test_a_client_waits_when_the_application_does_not_read(client: Client) -> None:
    _, writer, inbox = client
    inbox.reads.clear()
    data = bytes(MAX_BYTES)
    writer.transport.set_write_buffer_limits(0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_send_often(writer, frame(Opcode.BINARY, data)), 0.5)
    inbox.reads.set()
    for _ in range(16):
        assert await inbox.binary() == data


async def _send_often(writer: asyncio.StreamWriter, data: bytes) -> None:
    for _ in range(400):
        writer.write(data)
        await writer.drain()
