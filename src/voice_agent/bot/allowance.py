"""How often something may happen: a few times at once, and then no faster than a rate."""

from collections.abc import Callable


class Allowance:
    """A bucket of tokens. Pure; `now` returns monotonic seconds."""

    def __init__(self, at_once: int, per_second: float, now: Callable[[], float]) -> None:
        self._at_once = at_once
        self._per_second = per_second
        self._now = now
        self._left = float(at_once)
        self._counted_at = now()

    def take(self) -> bool:
        """Return whether it may happen once more now, and count it if so."""
        now = self._now()
        earned = (now - self._counted_at) * self._per_second
        self._left = min(float(self._at_once), self._left + earned)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
