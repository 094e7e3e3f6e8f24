"""Accepts WebSockets as connections, and knows those that are open."""

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket

from voice_agent.transports.base import Attempt, CloseReason
from voice_agent.transports.websocket.connection import WebSocketConnection


class WebSocketManager:
    """The open WebSockets of this process. `now` returns seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: set[WebSocketConnection] = set()

    @property
    def open_count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def accept(
        self, websocket: WebSocket, *, session_id: str, attempt: str | None = None
    ) -> WebSocketConnection:
        """Accept `websocket` and return it as a connection, known until it ends."""
        await websocket.accept()
        connection = WebSocketConnection(
            websocket,
            session_id=session_id,
            attempt=Attempt(attempt) if attempt else None,
            now=self._now,
        )
        self._open.add(connection)
        connection.when_ended(lambda: self._open.discard(connection))
        return connection

    async def close(self) -> None:
        """Close every connection that is open."""
        await asyncio.gather(
            *(connection.close(CloseReason.SERVER_STOPPING) for connection in list(self._open))
        )
