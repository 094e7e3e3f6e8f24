"""What a connection is to the rooms above: something that carries one leg, and then is closed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pipecat.transports.base_transport import BaseTransport

AUDIO_IN_RATE = 16_000
"""Samples a second of the audio that enters a pipeline, mono, 16 bit."""
AUDIO_OUT_RATE = 24_000
"""Samples a second of the audio that leaves a pipeline, mono, 16 bit."""


class TransportKind(StrEnum):
    """The ways a client can connect."""

    WEBRTC = "webrtc"
    WEBSOCKET = "websocket"
    DEVICE = "device"
    """One device on a port of its own, see `serve --device-port`."""


class CloseReason(StrEnum):
    """Why this side closes a connection. The client is told in the words of its transport."""

    NORMAL = "normal"
    SERVER_STOPPING = "server_stopping"
    TRY_AGAIN_LATER = "try_again_later"
    FAILED = "failed"
    DISPLACED = "displaced"
    LOST_RACE = "lost_race"
    SILENT = "silent"
    IDLE = "idle"
    MAX_DURATION = "max_duration"
    UNSUPPORTED_DATA = "unsupported_data"
    INVALID_PAYLOAD = "invalid_payload"
    FLOODING = "flooding"


class ConnectionEnd(StrEnum):
    """How a connection ended, as seen from here."""

    LEFT = "left"
    """The client said goodbye."""
    LOST = "lost"
    """The client is gone without a word."""
    CLOSED = "closed"
    """This side closed it."""


class ConnectionGoneError(Exception):
    """The connection ended, or stayed silent, before it carried anything."""

    def __init__(self, end: ConnectionEnd) -> None:
        super().__init__(f"the connection ended ({end}) before it carried anything")
        self.end = end


@dataclass(frozen=True)
class Attempt:
    """One connection attempt of a client; connections of one attempt race."""

    id: str


class Connection(Protocol):
    """One connection of one client."""

    @property
    def id(self) -> str:
        """An id for logs and events."""

    @property
    def kind(self) -> TransportKind:
        """How it is connected."""

    @property
    def attempt(self) -> Attempt | None:
        """The attempt it belongs to, when the client named one."""

    async def wait_carrying(self, *, timeout_s: float) -> None:
        """Return when the first audio of the client has arrived, or words that it typed.

        Raises:
            ConnectionGoneError: It ended first, or nothing arrived in `timeout_s` seconds.
        """

    def transport(self) -> BaseTransport:
        """Return Pipecat's transport for it, made at the first call."""

    def reaches_client(self) -> bool:
        """Return whether what is sent now can arrive."""

    async def wait_ended(self) -> ConnectionEnd:
        """Return when the connection has ended, at once if it has already."""

    async def close(self, reason: CloseReason) -> None:
        """Close it and free what it held. Closing again does nothing."""
