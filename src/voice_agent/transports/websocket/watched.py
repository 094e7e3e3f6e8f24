"""A WebSocket that is listened to before anything is built for it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pipecat.frames.frames import InputAudioRawFrame
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from voice_agent.transports.base import CloseReason, ConnectionEnd
from voice_agent.transports.base_connection import MAX_WAITING_MESSAGES, ConnectionState
from voice_agent.transports.websocket.close_frame import GOODBYES
from voice_agent.transports.websocket.serializer import FrameRefusedError, read_frame


class WatchedWebSocket:
    """The part of Starlette's WebSocket that Pipecat's transport uses, with an eye on it.

    Until the connection carries, what arrives is looked at and kept for the transport.
    """

    def __init__(self, websocket: WebSocket, state: ConnectionState) -> None:
        self._websocket = websocket
        self._state = state
        # One more than may wait: the disconnection always has room.
        self._kept: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MAX_WAITING_MESSAGES + 1)
        self._listening = asyncio.create_task(self._listen(), name=f"{state.id} first messages")

    @property
    def client_state(self) -> WebSocketState:
        """What the client did last."""
        return self._websocket.client_state

    @property
    def application_state(self) -> WebSocketState:
        """What this side did last."""
        return self._websocket.application_state

    async def receive(self) -> Mapping[str, Any]:
        """Return the next ASGI message, first those that were kept."""
        if self._kept.empty() and self._listening.done():
            return await self._receive()
        return await self._kept.get()

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._websocket.send_bytes(data)

    async def send_text(self, data: str) -> None:
        """Send a text message."""
        await self._websocket.send_text(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Send a close frame, unless the socket is closed already."""
        self._listening.cancel()
        states = (self._websocket.client_state, self._websocket.application_state)
        if WebSocketState.DISCONNECTED not in states:
            await self._websocket.close(code, reason)

    async def _listen(self) -> None:
        """Keep what arrives until the connection carries, or has ended."""
        while not self._state.is_carrying and not self._state.has_ended:
            message = await self._receive()
            if message["type"] == "websocket.receive" and not self._state.is_carrying:
                self._look_at(message)
            self._kept.put_nowait(message)

    def _look_at(self, message: Mapping[str, Any]) -> None:
        if self._kept.qsize() == MAX_WAITING_MESSAGES:
            self._state.note_violation(
                CloseReason.FLOODING,
                f"{MAX_WAITING_MESSAGES} messages before any audio; no more are kept",
            )
            return
        data = message.get("bytes")
        try:
            frame = read_frame(data if data is not None else message["text"])
        except FrameRefusedError as error:
            self._state.note_violation(error.reason, str(error))
            return
        if not isinstance(frame, InputAudioRawFrame):
            self._state.note_message(frame.message)
        elif frame.audio:
            self._state.note_carrying()

    async def _receive(self) -> Mapping[str, Any]:
        try:
            message = await self._websocket.receive()
        except (RuntimeError, WebSocketDisconnect):
            message = {"type": "websocket.disconnect", "code": 1006}
        if message["type"] == "websocket.disconnect":
            left = message.get("code") in GOODBYES
            self._state.note_ended(ConnectionEnd.LEFT if left else ConnectionEnd.LOST)
        return message
