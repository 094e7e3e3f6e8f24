"""What stands between a medium that is in a race and the call, so that only the winner is heard."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voice_agent.client.media import MediaListener
from voice_agent.client.microphone import MicrophonePacket


@dataclass(frozen=True, slots=True)
class _End:
    at: float
    reason: str
    close_code: int | None
    lost: bool


class EntrantListener:
    """Implements `MediaListener`: passes on what its medium says once that has won."""

    def __init__(self, call: MediaListener) -> None:
        self._call = call
        self._has_won = False
        self._ended: _End | None = None

    def win(self) -> None:
        """Its medium carries the call from now on; if it has ended meanwhile, that is told now."""
        self._has_won = True
        if self._ended is not None:
            end = self._ended
            self._call.connection_ended(end.at, end.reason, end.close_code, lost=end.lost)

    def microphone_packet(self, at: float) -> MicrophonePacket:
        """Returns the 20 ms to send now; nobody asks before the race is over."""
        return self._call.microphone_packet(at)

    def audio_arrived(
        self, at: float, samples: npt.NDArray[np.int16], placed_at: float | None
    ) -> None:
        """Takes bot audio."""
        if self._has_won:
            self._call.audio_arrived(at, samples, placed_at)

    def message_arrived(self, at: float, message: Any) -> None:
        """Takes a message."""
        if self._has_won:
            self._call.message_arrived(at, message)

    def interruption_arrived(self, at: float) -> None:
        """Takes the order to drop what has not been played."""
        if self._has_won:
            self._call.interruption_arrived(at)

    def connection_ended(
        self, at: float, reason: str, close_code: int | None, *, lost: bool = False
    ) -> None:
        """Takes the end of the connection; before the race is over it waits for `win`."""
        if self._has_won:
            self._call.connection_ended(at, reason, close_code, lost=lost)
        else:
            self._ended = self._ended or _End(at, reason, close_code, lost)
