"""One WebSocket of one client, as a connection that carries a leg."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

from loguru import logger
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer

CLOSE_TIMEOUT_S = 1.0
"""How long the closing handshake may take."""
GOODBYES = frozenset({1000, 1001, 1005})
"""Close codes by which a client says goodbye (RFC 6455, 7.4.1; 1005: a close without a code)."""

CLOSE_CODES: Mapping[CloseReason, tuple[int, str]] = MappingProxyType(
    {
        CloseReason.NORMAL: (1000, "the session is over"),
        CloseReason.SERVER_STOPPING: (1012, "the server is stopping, connect again"),
        CloseReason.TRY_AGAIN_LATER: (1013, "no capacity for this call, try again later"),
        CloseReason.FAILED: (1011, "the call failed, connect again"),
        CloseReason.DISPLACED: (4409, "a newer connection took the session over"),
        CloseReason.LOST_RACE: (4410, "another connection of this attempt carries the call"),
        CloseReason.SILENT: (4408, "nothing arrived on this connection"),
        CloseReason.IDLE: (4411, "the session was idle for too long"),
        CloseReason.MAX_DURATION: (4412, "the session reached its longest duration"),
        CloseReason.UNSUPPORTED_DATA: (1003, "unsupported data"),
        CloseReason.INVALID_PAYLOAD: (1007, "invalid payload"),
        CloseReason.FLOODING: (1008, "too much data"),
    }
)
"""Close code and words for each reason (RFC 6455, 7.4; from 4000 on our own)."""
MAX_REASON_BYTES = 123
"""A close frame holds 125 bytes, two of them the code (RFC 6455, 5.5)."""


class WatchedWebSocket:
    """The part of Starlette's WebSocket that Pipecat's transport uses, with an eye on it.

    The first message is kept back until the transport asks for it, so that a connection can be
    known to carry something before anything is built for it.
    """

    def __init__(self, websocket: WebSocket, state: ConnectionState) -> None:
        self._websocket = websocket
        self._state = state
        self._first: asyncio.Task[Mapping[str, Any]] | None = asyncio.create_task(
            self._receive(), name=f"{state.id} first message"
        )

    @property
    def client_state(self) -> WebSocketState:
        """What the client did last."""
        return self._websocket.client_state

    @property
    def application_state(self) -> WebSocketState:
        """What this side did last."""
        return self._websocket.application_state

    async def receive(self) -> Mapping[str, Any]:
        """Return the next ASGI message, the first one first."""
        if self._first is not None:
            first, self._first = self._first, None
            return await first
        return await self._receive()

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._websocket.send_bytes(data)

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._websocket.send_text(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Send a close frame, unless the socket is closed already."""
        if self._first is not None:
            self._first.cancel()
        states = (self._websocket.client_state, self._websocket.application_state)
        if WebSocketState.DISCONNECTED not in states:
            await self._websocket.close(code, reason)

    async def _receive(self) -> Mapping[str, Any]:
        try:
            message = await self._websocket.receive()
        except (RuntimeError, WebSocketDisconnect):
            message = {"type": "websocket.disconnect", "code": 1006}
        if message["type"] == "websocket.disconnect":
            left = message.get("code") in GOODBYES
            self._state.note_ended(ConnectionEnd.LEFT if left else ConnectionEnd.LOST)
        else:
            self._state.note_carrying()
        return message


class WebSocketConnection(ConnectionState):
    """Implements `Connection` on an accepted WebSocket."""

    def __init__(
        self,
        websocket: WebSocket,
        *,
        session_id: str,
        attempt: Attempt | None,
        now: Callable[[], float],
    ) -> None:
        super().__init__(TransportKind.WEBSOCKET, attempt)
        self._log = logger.bind(session_id=session_id, connection_id=self.id)
        self._websocket = WatchedWebSocket(websocket, self)
        self._serializer = CheckedProtobufSerializer(now, self._on_violation)
        self._transport: FastAPIWebsocketTransport | None = None
        self._close_as: tuple[int, str] | None = None

    def transport(self) -> FastAPIWebsocketTransport:
        """Return Pipecat's transport for this socket."""
        if self._transport is None:
            self._transport = FastAPIWebsocketTransport(
                websocket=cast("WebSocket", self._websocket),
                params=FastAPIWebsocketParams(
                    audio_in_enabled=True,
                    audio_out_enabled=True,
                    serializer=self._serializer,
                    allowed_origins=[],
                    ws_close_timeout=CLOSE_TIMEOUT_S,
                ),
            )
        return self._transport

    async def close(self, reason: CloseReason) -> None:
        """Send the close frame for `reason`; closing again does nothing."""
        self.note_ended(ConnectionEnd.CLOSED)
        code, words = self._close_as or CLOSE_CODES[reason]
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(code, words.encode()[:MAX_REASON_BYTES].decode())
        except (TimeoutError, RuntimeError, OSError) as error:
            self._log.debug("closing the socket: {!r}", error)

    def _on_violation(self, reason: CloseReason, detail: str) -> None:
        if self._close_as is None:
            self._log.warning("closing the connection: {}", detail)
            self._close_as = (CLOSE_CODES[reason][0], detail)
        self.note_ended(ConnectionEnd.CLOSED)
