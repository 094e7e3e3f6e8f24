"""HTTPS at the one port: the supervisor ends TLS, and a process gets a pair of sockets' other end.

A socket cannot be handed over in the middle of TLS. So what comes over it passes through the
supervisor, both ways; a proxy in front that ends TLS costs less.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Final

from loguru import logger

from voice_agent.cluster.parcel import Secured

HANDSHAKE_TIMEOUT_S: Final = 10.0
_BUFFER_BYTES: Final = 64 * 1024


class TlsDoor:
    """Ends TLS on accepted connections; owns what passes their bytes on."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._passing: set[asyncio.Task[None]] = set()

    async def enter(self, connection: socket.socket) -> tuple[socket.socket, Secured]:
        """Return a socket with what comes over `connection` in the clear, and whose that is.

        It takes `connection` over, also when this fails.

        Raises:
            OSError, TimeoutError: The handshake failed; `ssl.SSLError` is an OSError.
        """
        loop = asyncio.get_running_loop()
        client, server = connection.getpeername(), connection.getsockname()
        connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        connected = loop.create_future()
        reader = asyncio.StreamReader(limit=_BUFFER_BYTES)

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set_result((reader, writer))

        try:
            await loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader, take),
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            )
        except BaseException:
            connection.close()
            raise
        outer, inner = socket.socketpair()
        passing = asyncio.create_task(self._pass(*(await connected), outer), name="tls")
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)
        return inner, Secured(client[:2], server[:2])

    async def close(self) -> None:
        """Cut what is still open."""
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outer: socket.socket
    ) -> None:
        inward, outward = await asyncio.open_unix_connection(sock=outer, limit=_BUFFER_BYTES)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, outward, outward.write_eof))
                # The server has said all: what the client still sends is for nobody.
                both.create_task(_copy(inward, writer, writer.close))
        except* OSError as errors:
            logger.debug("a TLS connection broke: {}", errors.exceptions[0])
        finally:
            for end in (writer, outward):
                end.close()


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, finish: Callable[[], None]
) -> None:
    while data := await source.read(_BUFFER_BYTES):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        finish()
