"""How often somebody may do something: a bucket of tokens for each name. Of this process only."""

from collections import OrderedDict
from collections.abc import Callable

MAX_NAMES = 10_000
"""How many names are remembered; the one that was seen longest ago is forgotten first."""


class TokenBuckets:
    """Buckets that hold `burst` tokens and get `per_minute` new ones each minute.

    `monotonic` returns seconds.
    """

    def __init__(
        self,
        *,
        burst: int,
        per_minute: float,
        monotonic: Callable[[], float],
        max_names: int = MAX_NAMES,
    ) -> None:
        self._burst = burst
        self._per_s = per_minute / 60
        self._monotonic = monotonic
        self._max_names = max_names
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a token; return 0, or the seconds until there is one when there is none."""
        now = self._monotonic()
        level, at = self._buckets.pop(name, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._per_s)
        wait_s = 0.0 if level >= 1 else (1 - level) / self._per_s
        self._buckets[name] = (level if wait_s else level - 1, now)
        while len(self._buckets) > self._max_names:
            self._buckets.popitem(last=False)
        return wait_s

    def fill(self, name: str) -> None:
        """Forget what `name` has taken."""
        self._buckets.pop(name, None)
