"""The ASGI server: uvicorn, set for media and without tokens in its log."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from voice_agent.api.redaction import filter_server_logs

MAX_MESSAGE_BYTES = 256 * 1024
"""Largest WebSocket message; 20 ms of audio is under 1 KiB, the rest is for RTVI messages."""
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 10.0
"""A client that vanished without closing is noticed within the two together."""
SHUTDOWN_TIMEOUT_S = 5


class MediaWebSocketProtocol(WebSocketsSansIOProtocol):
    """Tells a client that vanished from one that said goodbye.

    uvicorn reports 1005, a goodbye without a code, whenever a connection is over; without a close
    frame of the client it is 1006 (RFC 6455, 7.1.5), and the session waits for him to come back.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        """Report 1006 first when the client has sent no close frame."""
        if self.handshake_complete and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)


class DrainingServer(uvicorn.Server):
    """Ends the calls first when it is told to stop, so that each client hears why."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Drain, then stop as uvicorn does."""
        await self._drain()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM; a second SIGINT does not wait for open connections.

        uvicorn raises the signal once more when it is done, which would cut short what the caller
        has still to put away, and end the process by SIGTERM.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
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
