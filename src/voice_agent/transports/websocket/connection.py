"""One WebSocket of one client, as a connection that carries a leg."""

import asyncio
from collections.abc import Callable
from typing import cast

from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from starlette.websockets import WebSocket

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.websocket.close_frame import close_frame
from voice_agent.transports.websocket.media import WebSocketMedia
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer
from voice_agent.transports.websocket.watched import WatchedWebSocket

CLOSE_TIMEOUT_S = 1.0
"""How long the closing handshake may take."""


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
        super().__init__(TransportKind.WEBSOCKET, attempt, session_id=session_id)
        self._websocket = WatchedWebSocket(websocket, self)
        self._serializer = CheckedProtobufSerializer(now, self.note_violation)
        self._transport: WebSocketMedia | None = None

    def transport(self) -> WebSocketMedia:
        """Return Pipecat's transport for this socket."""
        if self._transport is None:
            self._transport = WebSocketMedia(
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
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(*close_frame(reason, self.violation))
        except (TimeoutError, RuntimeError, OSError) as error:
            self._log.debug("closing the socket: {!r}", error)
