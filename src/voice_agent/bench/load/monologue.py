"""A caller who waits for nothing."""

from typing import Any

import numpy as np
import numpy.typing as npt

from voice_agent.bench.load.pacing import Pacing
from voice_agent.client.microphone import MicrophonePacket
from voice_agent.client.speech import Speech


class Monologue:
    """A `MediaListener` that says one thing over and over, whatever comes back.

    Attributes:
        received: How many packets came.
        failure: Why the connection failed; None as long as it did not.
    """

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._index = 0
        self._over = False
        self.received = 0
        self.failure: str | None = None
        self.pacing = Pacing()

    def hang_up(self) -> None:
        """Note that what ends from now on ends because the caller wants it."""
        self._over = True

    def fail(self, why: str) -> None:
        """Note that the connection failed, unless it is over."""
        if not self._over:
            self.failure = why

    def microphone_packet(self, at: float) -> MicrophonePacket:
        """Return the 20 ms that are due."""
        self.pacing.sent(at)
        self._index = (self._index + 1) % len(self._speech.pcm_packets)
        return MicrophonePacket(self._speech, self._index)

    def audio_arrived(
        self, at: float, samples: npt.NDArray[np.int16], placed_at: float | None
    ) -> None:
        """Take what comes back."""
        del at, samples, placed_at
        self.received += 1

    def message_arrived(self, at: float, message: Any) -> None:
        """Take a message: none matters."""

    def interruption_arrived(self, at: float) -> None:
        """Take an interruption: none matters."""

    def connection_ended(
        self, at: float, reason: str, close_code: int | None, *, lost: bool = False
    ) -> None:
        """Take the end of the connection."""
        del lost
        del at, close_code
        self.fail(reason)
