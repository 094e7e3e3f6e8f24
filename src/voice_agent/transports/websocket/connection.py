"""One WebSocket of one client, as a connection that carries a leg."""

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.websocket.close_frame import close_frame
from voice_agent.transports.websocket.media import CLOSE_TIMEOUT_S, WebSocketMedia
from voice_agent.transports.websocket.serializer import CheckedProtobufSerializer
from voice_agent.transports.websocket.watched import WatchedWebSocket


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
            self._transport = WebSocketMedia(self._websocket, self._serializer)
        return self._transport

    async def close(self, reason: CloseReason) -> None:
        """Send the close frame for `reason`; closing again does nothing."""
        self.note_ended(ConnectionEnd.CLOSED)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._websocket.close(*close_frame(reason, self.violation))
        except (TimeoutError, RuntimeError, OSError) as error:
            self._log.debug("closing the socket: {!r}", error)
