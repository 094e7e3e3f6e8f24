"""Who may use the processor next, among speeches that are synthesised at the same time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

SAFE_LEAD_S: Final = 0.2
"""Seconds of speech that a listener should have in hand before others are begun."""


class Speech(NamedTuple):
    """A speech that wants to go on.

    `runs_out` is when its listener will have heard all that was made of it so far, on the clock of
    the turns, in seconds; None when nothing was made yet. `arrival` numbers the wishes.
    """

    runs_out: float | None
    arrival: int
    chosen: threading.Event


def urgency(speech: Speech, now: float) -> tuple[int, float]:
    """Return what sorts speeches by urgency at the time `now`, the most urgent first.

    First those that are about to run out, as a gap is worse than a late beginning and more speech
    takes little work; then those that have not begun, in the order they came; then the others.
    """
    if speech.runs_out is None:
        return 1, speech.arrival
    return (0 if speech.runs_out - now < SAFE_LEAD_S else 2), speech.runs_out


class SynthesisTurns:
    """One speech is worked at at a time, the most urgent one.

    All speeches of a helper together then use one core at most, nobody waits for the end of
    another's long sentence to hear the first of his own, and nobody's speech has a gap because
    others begin theirs.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._busy = False
        self._arrivals = 0
        self._waiting: list[Speech] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the processor inside, for a speech that begins; waits for its turn."""
        with self._lock:
            speech = self._add(None)
            if not self._busy:
                self._choose()
        speech.chosen.wait()
        try:
            yield
        finally:
            with self._lock:
                self._choose()

    def pass_on(self, runs_out: float) -> None:
        """Let those go first who are more urgent than a speech that `runs_out`; in a turn."""
        if not self._waiting:
            return
        with self._lock:
            speech = self._add(runs_out)
            self._choose()
        speech.chosen.wait()

    def _add(self, runs_out: float | None) -> Speech:
        self._arrivals += 1
        speech = Speech(runs_out, self._arrivals, threading.Event())
        self._waiting.append(speech)
        return speech

    def _choose(self) -> None:
        """Hand the turn to the most urgent one: decided once, as who that is changes with time."""
        now = self._clock()
        speech = min(self._waiting, key=lambda speech: urgency(speech, now), default=None)
        self._busy = speech is not None
        if speech is not None:
            self._waiting.remove(speech)
            speech.chosen.set()
