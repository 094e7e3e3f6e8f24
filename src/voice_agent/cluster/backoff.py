"""How long to wait before a process that ended is started again. Pure."""

from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 5.0
SERVED_S: Final = 3.0
"""A process that took calls for so long was able to: the next wait is the first again."""


class Backoff:
    """Doubles the wait with each process that ended at its start, or soon after it."""

    def __init__(self) -> None:
        self._next = FIRST_S

    def after(self, served_s: float) -> float:
        """Return how many seconds to wait after a process that took calls for `served_s`."""
        if served_s >= SERVED_S:
            self._next = FIRST_S
        wait, self._next = self._next, min(LONGEST_S, 2 * self._next)
        return wait
