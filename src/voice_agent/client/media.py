"""What a call needs of a transport, and what a transport tells the call."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from voice_agent.client.microphone import MicrophonePacket
from voice_agent.client.signalling import TransportName


class MediaListener(Protocol):
    """The call's side. All of it is synchronous and quick; times are monotonic seconds."""

    def microphone_packet(self, at: float) -> MicrophonePacket:
        """Returns the 20 ms to send now."""
        ...

    def audio_arrived(
        self, at: float, samples: npt.NDArray[np.int16], placed_at: float | None
    ) -> None:
        """Takes bot audio, mono PCM16 at the medium's rate."""
        ...

    def message_arrived(self, at: float, message: Any) -> None:
        """Takes a decoded JSON message."""
        ...

    def interruption_arrived(self, at: float) -> None:
        """Takes the order to drop what has not been played."""
        ...

    def connection_ended(
        self, at: float, reason: str, close_code: int | None, *, lost: bool = False
    ) -> None:
        """Takes the end of the connection, once.

        Args:
            at: When, in monotonic seconds.
            reason: Why, in words.
            close_code: The WebSocket close code, None on WebRTC.
            lost: Whether the session may still be there to come back to: nobody ended it in order.
        """
        ...


class Media(Protocol):
    """One connection, made by `connect` and ended by `close` or `abort`."""

    name: TransportName
    sample_rate: int
    """Of the bot's audio, in Hz."""
    is_buffered: bool
    """Whether a player queues the bot's audio, so that an interruption must empty it."""

    async def connect(self) -> None:
        """Connects.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: The connection could not be made.
        """
        ...

    async def start(self, microphone: bool) -> None:
        """Begins to send what the microphone gives, when `microphone` is true."""
        ...

    async def send_message(self, message: Mapping[str, Any]) -> None:
        """Sends a JSON message; a connection that is over swallows it."""
        ...

    async def close(self) -> None:
        """Hangs up as a well-behaved client does, and frees everything. May be called twice."""
        ...

    async def abort(self, *, silently: bool) -> None:
        """Is gone without a goodbye.

        Args:
            silently: Whether even the operating system says nothing, as when a network is lost;
                what is held open for that is freed by `close`.
        """
        ...
