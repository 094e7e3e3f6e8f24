"""A connection in memory: what the server sees of a client that a test drives."""

import asyncio
from typing import Any, Protocol

from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame
from pipecat.transports.base_transport import BaseTransport

from voice_agent.testing.memory_transport import ClientFrame, MemoryTransport
from voice_agent.transports.base import (
    AUDIO_IN_RATE,
    Attempt,
    CloseReason,
    ConnectionEnd,
    TransportKind,
)
from voice_agent.transports.base_connection import ConnectionState

PACKETS_LIMIT = 1_000
"""What may wait for a pipeline that does not read; beyond it the oldest is lost."""


class ClientEar(Protocol):
    """The client's side: what reaches it."""

    def play(self, audio: bytes) -> None:
        """Hear `audio`, of the pipeline's output rate."""

    def stop_playing(self) -> None:
        """Hear that the agent was interrupted."""

    def deliver(self, message: Any) -> None:
        """Get a message."""

    def closed(self, reason: CloseReason) -> None:
        """Get to know that the server closed the connection."""


class MemoryConnection(ConnectionState):
    """Implements `Connection` and `Wire`."""

    def __init__(
        self,
        ear: ClientEar,
        *,
        kind: TransportKind = TransportKind.WEBSOCKET,
        attempt: Attempt | None = None,
    ) -> None:
        super().__init__(kind, attempt)
        self._ear = ear
        self._packets: asyncio.Queue[ClientFrame] = asyncio.Queue(PACKETS_LIMIT)
        self._transport: MemoryTransport | None = None
        self._is_out_of_reach = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has ended it and the client can be reached."""
        return self.reaches_client()

    def reaches_client(self) -> bool:
        """Return whether what is sent now can reach the client."""
        return super().reaches_client() and not self._is_out_of_reach

    def lose_reach(self) -> None:
        """Nothing arrives at either side any more; neither has ended it."""
        self._is_out_of_reach = True

    def transport(self) -> BaseTransport:
        """Return Pipecat's transport for it, made at the first call."""
        if self._transport is None:
            self._transport = MemoryTransport(self)
        return self._transport

    async def close(self, reason: CloseReason) -> None:
        """Close it from the server's side, and tell the client why."""
        if not self.has_ended:
            self.note_ended(ConnectionEnd.CLOSED)
            self._ear.closed(reason)

    def note_violation(self, reason: CloseReason, detail: str) -> None:
        """Close it, and tell the client why."""
        if self.is_open:
            self._ear.closed(reason)
        super().note_violation(reason, detail)

    def leave(self) -> None:
        """The client says goodbye."""
        self.note_ended(ConnectionEnd.LEFT)

    def vanish(self) -> None:
        """The client is gone without a word."""
        self.note_ended(ConnectionEnd.LOST)

    def send_audio(self, audio: bytes) -> None:
        """Send `audio`, 16 kHz mono, to the server."""
        if self.is_open:
            self.note_carrying()
        self._send(InputAudioRawFrame(audio=audio, sample_rate=AUDIO_IN_RATE, num_channels=1))

    def send_message(self, message: Any) -> None:
        """Send a message, RTVI or not, to the server."""
        self.note_message(message)
        self._send(InputTransportMessageFrame(message=message))

    async def receive(self) -> ClientFrame:
        """Return the next thing the client sent."""
        return await self._packets.get()

    def play(self, audio: bytes) -> None:
        """Let the client hear `audio`."""
        if self.is_open:
            self._ear.play(audio)

    def stop_playing(self) -> None:
        """Tell the client that the agent was interrupted."""
        if self.is_open:
            self._ear.stop_playing()

    def deliver(self, message: Any) -> None:
        """Give the client a message."""
        if self.is_open:
            self._ear.deliver(message)

    def _send(self, frame: ClientFrame) -> None:
        if not self.is_open:
            return
        if self._packets.full():
            self._packets.get_nowait()
        self._packets.put_nowait(frame)
