"""The ASGI server: uvicorn, set for media and without tokens in its log.

What it takes of uvicorn's inside is here and nowhere else.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from voice_agent.api.redaction import filter_server_logs

MAX_MESSAGE_BYTES = 256 * 1024
"""Largest WebSocket message; 20 ms of audio is under 1 KiB, the rest is for RTVI messages."""
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 10.0
"""A client that vanished without closing is noticed within the two together."""
SHUTDOWN_TIMEOUT_S = 5


CAME_FROM = "came_from"
"""In the `state` of a scope: a `CameFrom`, of connections that somebody else has decrypted."""


@dataclass(frozen=True)
class CameFrom:
    """Between which two addresses a TLS connection is, host and port."""

    client: tuple[str, int]
    server: tuple[str, int]


class MediaWebSocketProtocol(WebSocketsSansIOProtocol):
    """Tells a client that vanished from one that said goodbye.

    uvicorn reports 1005, a goodbye without a code, whenever a connection is over; without a close
    frame of the client it is 1006 (RFC 6455, 7.1.5), and the session waits for him to come back.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, and who is really at its other end."""
        super().connection_made(transport)
        if (came_from := self.app_state.get(CAME_FROM)) is not None:
            self.client, self.server, self.scheme = came_from.client, came_from.server, "wss"

    def connection_lost(self, exc: Exception | None) -> None:
        """Report 1006 first when the client has sent no close frame."""
        if self.handshake_complete and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)


class _AdoptedProtocol(HttpToolsProtocol):
    """Begins with the bytes that somebody else has read from the connection already."""

    received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take in what was read, before anything that comes now."""
        super().connection_made(transport)
        if (came_from := self.app_state.get(CAME_FROM)) is not None:
            self.client, self.server, self.scheme = came_from.client, came_from.server, "https"
        received, self.received = self.received, b""
        self.data_received(received)


class DrainingServer(uvicorn.Server):
    """Ends the calls first when it is told to stop, so that each client hears why."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Callable[[], Awaitable[None]],
        stops_on: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM),
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._stops_on = stops_on

    async def adopt(
        self, connection: socket.socket, received: bytes, state: Mapping[str, Any]
    ) -> None:
        """Serve a connection that somebody else has accepted, as if it had come here.

        Args:
            connection: The socket, not blocking; it is the server's from now on.
            received: What was read from it already: the beginning of an HTTP request.
            state: What the application finds in the `state` of its scopes.

        Raises:
            OSError: The connection is over.
        """
        loop = asyncio.get_running_loop()
        protocol = _AdoptedProtocol(self.config, self.server_state, dict(state), loop)
        protocol.received = received
        await loop.connect_accepted_socket(lambda: protocol, connection)

    def stop(self, *, at_once: bool = False) -> None:
        """Begin to drain and stop; `at_once` does not wait for open connections."""
        self.should_exit = True
        self.force_exit = self.force_exit or at_once

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Drain, then stop as uvicorn does."""
        await self._drain()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on the signals it was told of; a second SIGINT does not wait for connections.

        uvicorn raises the signal once more when it is done, which would cut short what the caller
        has still to put away, and end the process by SIGTERM.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in self._stops_on:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in self._stops_on:
                loop.remove_signal_handler(number)


def server_config(app: Any, *, certificate: str | None, key: str | None) -> uvicorn.Config:
    """Return how to serve `app`, over TLS when a certificate file is given.

    uvicorn's own access log is off: it writes query strings, and a WebSocket's holds its token.
    What else it writes is filtered, at any level.
    Compression is off: it costs more than it saves on audio.
    """
    filter_server_logs()
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        ws=MediaWebSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_TIMEOUT_S,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
