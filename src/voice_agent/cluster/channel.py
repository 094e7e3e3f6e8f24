"""The control channel: messages over a pair of sockets, one end with the supervisor."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Final

from loguru import logger

from voice_agent.cluster.frames import LENGTH, FrameError, FrameReader, frame
from voice_agent.cluster.messages import Message, decode, encode

_READ_BYTES: Final = 256 * 1024
_FLUSH_TIMEOUT_S: Final = 2.0
_UNREAD_LIMIT: Final = 64 * 1024 * 1024
"""Bytes that may wait for a peer which does not read; then the channel is given up."""


class Channel:
    """One end of a control channel."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Channel":
        """Return the channel whose end is `end`, which it owns from now on."""
        end.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer)

    def brief(self, content: bytes) -> None:
        """Send what the process is told first, before any message; see `read_briefing`."""
        self._writer.write(frame(content))

    def send(self, message: Message) -> None:
        """Send `message`; to a peer that is gone, or reads nothing for long, it is lost."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > _UNREAD_LIMIT:
            logger.error("the other end of a control channel reads nothing; giving it up")
            self._writer.transport.abort()
            return
        self._writer.write(frame(encode(message)))

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what comes, until the other end is gone."""
        frames = FrameReader()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for content in frames.feed(data):
                    yield decode(content)
        except OSError as error:  # as when the other end is killed
            logger.debug("a control channel ended: {}", error)
        except (FrameError, ValueError, KeyError, TypeError) as error:
            logger.warning("a control channel broke: {!r}", error)

    async def flush(self) -> None:
        """Return when what was sent has gone out, or cannot any more."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                await self._writer.drain()

    def close(self) -> None:
        """End the channel; what was sent still goes out."""
        self._writer.close()


def read_briefing(end: socket.socket) -> bytes:
    """Return what `Channel.brief` sent to the other end, before a channel is made of it.

    Raises:
        EOFError: The other end is gone.
    """
    (length,) = LENGTH.unpack(_exactly(end, LENGTH.size))
    return _exactly(end, length)


def _exactly(end: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        data = end.recv(count - len(content))
        if not data:
            raise EOFError("the supervisor is gone")
        content += data
    return content
