"""Who may use the processor next, among speeches that are synthesised at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SynthesisTurns:
    """One speech works at a time, and the one that is least ahead goes next.

    All speeches of a helper together then use one core at most, and nobody waits for the end of
    another's long sentence to hear the first of his own.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._arrivals = 0
        self._waiting: list[tuple[int, int]] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the processor inside; begins as soon as it is this thread's turn."""
        self._begin(0)
        try:
            yield
        finally:
            self._end()

    def pass_on(self, samples_made: int) -> None:
        """Let those go first who have made fewer samples of their speech; called in a turn."""
        if self._waiting:
            self._end()
            self._begin(samples_made)

    def _begin(self, samples_made: int) -> None:
        with self._changed:
            self._arrivals += 1
            ticket = (samples_made, self._arrivals)
            self._waiting.append(ticket)
            while self._busy or min(self._waiting) != ticket:
                self._changed.wait()
            self._waiting.remove(ticket)
            self._busy = True

    def _end(self) -> None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
