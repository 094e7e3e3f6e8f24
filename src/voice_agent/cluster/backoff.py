"""How long to wait before a process that ended is started again. Pure."""

from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 5.0
LIVED_S: Final = 30.0
"""A process that was up for so long did not end at its start: the next wait is the first again."""


class Backoff:
    """Doubles the wait with each process that did not live long."""

    def __init__(self) -> None:
        self._next = FIRST_S

    def after(self, lived_s: float) -> float:
        """Return how many seconds to wait after a process that lived for `lived_s`."""
        if lived_s >= LIVED_S:
            self._next = FIRST_S
        wait, self._next = self._next, min(LONGEST_S, 2 * self._next)
        return wait
