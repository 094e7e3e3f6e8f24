"""Time as an argument, so that whole conversations can be tested without waiting."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time, both in seconds."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch; may jump."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""


class SystemClock:
    """The machine's own clock."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return time.monotonic()
