"""A connection that the supervisor has accepted: read as far as it takes to know where to."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Final

from voice_agent.cluster.parcel import Secured
from voice_agent.cluster.request_body import read_body
from voice_agent.cluster.request_head import HeadFault, RequestHead, read_head
from voice_agent.cluster.routing import ANY, Route, needs_body, route

READ_TIMEOUT_S: Final = 10.0
"""How long a request may take to come as far as it is read here."""
_READ_BYTES: Final = 64 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_DRAINED_BYTES: Final = 256 * 1024
"""How much of what a client still sends is read before the connection is closed, so that the
kernel does not throw the answer away with it."""


class VisitorGoneError(Exception):
    """The client went, or never said anything."""


class HeadTooLargeError(Exception):
    """The request's head is longer than any that is read."""


@dataclass(frozen=True)
class Visit:
    """What is known of a request: where it belongs, and all that was read of it."""

    route: Route
    received: bytes


class Visitor:
    """One accepted connection; `secured` when it came over TLS."""

    def __init__(self, connection: socket.socket, secured: Secured | None = None) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.secured = secured
        self._received = bytearray()

    @property
    def has_spoken(self) -> bool:
        """Whether anything has come from the client."""
        return bool(self._received)

    async def read(self) -> Visit:
        """Return where the request belongs.

        Raises:
            VisitorGoneError: The client went before that could be said.
            HeadTooLargeError: It sends a head without end.
            TimeoutError: It did not come in `READ_TIMEOUT_S`.
        """
        async with asyncio.timeout(READ_TIMEOUT_S):
            head = await self._head()
            if head is None:
                # One of the processes says what is wrong with it, in the words of its parser.
                return Visit(ANY, bytes(self._received))
            body = await self._body(head) if needs_body(head) else b""
        return Visit(route(head, body), bytes(self._received))

    def answer(self, response: bytes) -> None:
        """Send a whole response, as far as the client takes it at once, and end the connection."""
        with contextlib.suppress(OSError):
            self.connection.send(response)
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.recv(_DRAINED_BYTES)
        self.close()

    def cut(self, response: bytes) -> None:
        """Answer, and let nobody else answer who may have got the connection."""
        with contextlib.suppress(OSError):
            self.connection.send(response)
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Close this end; a process that has the connection goes on with it."""
        self.connection.close()

    async def _head(self) -> RequestHead | None:
        while True:
            await self._receive()
            head = read_head(bytes(self._received))
            if isinstance(head, RequestHead):
                return head
            if head is HeadFault.TOO_LARGE:
                raise HeadTooLargeError
            if head is HeadFault.NOT_HTTP:
                return None

    async def _body(self, head: RequestHead) -> bytes:
        body = read_body(head, bytes(self._received))
        if body is None and "expect" in head.headers:
            await asyncio.get_running_loop().sock_sendall(self.connection, _CONTINUE)
        while body is None:
            await self._receive()
            body = read_body(head, bytes(self._received))
        return body

    async def _receive(self) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.connection, _READ_BYTES)
        except OSError as error:
            raise VisitorGoneError from error
        if not data:
            raise VisitorGoneError
        self._received += data
