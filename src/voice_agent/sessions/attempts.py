"""Which connection attempt of a client is newer."""

from voice_agent.transports.base import Attempt

REMEMBERED = 100
"""Attempts of one session; a client that makes more is not racing."""


class Attempts:
    """Numbers attempts in the order in which their first connections arrived. Pure."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = 0

    def arrived(self, attempt: Attempt | None) -> None:
        """A connection of `attempt` is there, whether or not it carries anything yet."""
        if attempt is None or attempt.id in self._numbers:
            return
        self._numbers[attempt.id] = self._next
        self._next += 1
        while len(self._numbers) > REMEMBERED:
            del self._numbers[next(iter(self._numbers))]

    def displaces(self, arriving: Attempt | None, running: Attempt | None) -> bool:
        """Return whether a connection of `arriving` takes over from one of `running`.

        One of the same attempt, or of an older one, does not. A connection that names no attempt
        is an attempt of its own, newer than all before.
        """
        if arriving is None or running is None:
            return True
        return self._numbers.get(arriving.id, -1) > self._numbers.get(running.id, -1)
