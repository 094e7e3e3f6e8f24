"""How well the generator kept its own clock. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from voice_agent.client.speech import PACKET_S

LATENESS_LIMIT_S: Final = 0.02
"""A run whose sends were later than this, at their 99th percentile, does not count."""
CPU_LIMIT: Final = 0.9
"""Nor does one whose generator took more than this of a core."""


class Pacing:
    """When one caller's packets went out, against when each was due: one every 20 ms."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._count = 0
        self._late: list[float] = []

    def sent(self, at: float) -> None:
        """Note that the next packet goes out at the monotonic time `at`, in seconds."""
        if self._start is None:
            self._start = at
        self._late.append(at - (self._start + self._count * PACKET_S))
        self._count += 1

    def take(self) -> list[float]:
        """Return by how many seconds each packet since the last `take` was late."""
        taken, self._late = self._late, []
        return taken


@dataclass(frozen=True)
class GeneratorFigures:
    """How the generator did.

    Attributes:
        sends: How many packets it sent.
        p99_late_s: By how much they were late, at the 99th percentile, in seconds.
        cpu: What it took of a core.
    """

    sends: int
    p99_late_s: float
    cpu: float

    @classmethod
    def of(cls, late_s: Sequence[float], cpu: float) -> "GeneratorFigures":
        """Return the figures of sends that were late by `late_s`."""
        p99 = float(np.percentile(late_s, 99)) if late_s else 0.0
        return cls(len(late_s), p99, cpu)

    def why_not(self) -> str | None:
        """Return why a run with these figures does not count, None when it does."""
        if self.p99_late_s > LATENESS_LIMIT_S:
            return f"the generator was late: {self.p99_late_s * 1000:.0f} ms at the 99th percentile"
        if self.cpu > CPU_LIMIT:
            return f"the generator was short of CPU: {self.cpu:.0%} of a core"
        return None
