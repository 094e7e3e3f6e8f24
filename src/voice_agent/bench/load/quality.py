"""What a number of calls came to, and whether quality held. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from voice_agent.bench.load.pacing import GeneratorFigures

LATENCY_MARGIN_S: Final = 0.15
"""How far the 95th percentile may lie above the one-call median of plain Pipecat, in seconds."""
DISTURBANCE_LIMIT: Final = 0.1
"""The share of the server's core that others may use; with more, the step says nothing of it."""
SATURATION: Final = 0.85
"""The share of a core beyond which a server may leave work undone, so that it seems cheaper."""
PATIENCE_S: Final = 1.5
"""The mean latency with which callers still ask about as often: a turn takes eight seconds."""
CAUGHT_UP_S: Final = 0.5
"""A generator no later than this has sent all that was due, for it catches up."""
LATE_LIMIT: Final = 0.005
"""The share of audio packets that may come after their play-out time."""


@dataclass(frozen=True)
class Step:
    """What was measured at one number of calls.

    Attributes:
        calls: How many calls there were.
        seconds: For how long they were measured.
        latencies_s: From the end of each question to the first audible audio, in seconds; of one
            that was not answered yet, how long it had waited.
        packets: How many audio packets of answers were due.
        late: How many of them came late or never.
        failures: Why calls failed.
        strays: How often the bot spoke into a question.
        cpu: What the server took of one core.
        loop_cpu: The part of its event loop's thread.
        resident_bytes: The server's memory at the end.
        generator: How the generator did.
        disturbance: What others used of the server's core; None where that is not known.
    """

    calls: int
    seconds: float
    latencies_s: tuple[float, ...]
    packets: int
    late: int
    failures: tuple[str, ...]
    strays: int
    cpu: float
    loop_cpu: float
    resident_bytes: int
    generator: GeneratorFigures
    disturbance: float | None = None

    @property
    def median_s(self) -> float | None:
        """The median latency in seconds; None when nobody asked."""
        return percentile(self.latencies_s, 50)

    @property
    def p95_s(self) -> float | None:
        """The 95th percentile of the latencies in seconds; None when nobody asked."""
        return percentile(self.latencies_s, 95)

    @property
    def late_share(self) -> float:
        """The share of audio packets that came late."""
        return self.late / self.packets if self.packets else 0.0

    @property
    def counts(self) -> bool:
        """Whether these figures say something of the server."""
        return self.why_not() is None

    @property
    def tells_cost(self) -> bool:
        """Whether all the work of these calls was done and counted, however late.

        What others use of the core makes answers late, but hardly changes what they cost, as long
        as callers do not wait so long that they ask less.
        """
        if self.failures or not self.latencies_s or self.cpu > SATURATION:
            return False
        in_time = sum(self.latencies_s) / len(self.latencies_s) <= PATIENCE_S
        return in_time and self.generator.p99_late_s <= CAUGHT_UP_S

    def why_not(self) -> str | None:
        """Return why these figures say nothing of the server, None when they do."""
        if (why_not := self.generator.why_not()) is not None:
            return why_not
        if self.disturbance is not None and self.disturbance > DISTURBANCE_LIMIT:
            return f"others used {self.disturbance:.0%} of the server's core"
        return None

    def broken(self, reference_s: float) -> list[str]:
        """Return what broke quality, nothing when it held.

        Args:
            reference_s: The one-call median of plain Pipecat, in seconds.
        """
        found = []
        if self.failures:
            found.append(f"{len(self.failures)} calls failed, the first: {self.failures[0]}")
        limit_s, p95_s = reference_s + LATENCY_MARGIN_S, self.p95_s
        if p95_s is None:
            found.append("nobody was answered")
        elif p95_s > limit_s:
            found.append(f"p95 {p95_s * 1000:.0f} ms is over {limit_s * 1000:.0f} ms")
        if self.late_share > LATE_LIMIT:
            found.append(f"{self.late_share:.1%} of the audio came late")
        return found


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the percentile of `values`, None when there are none."""
    return float(np.percentile(values, percent)) if values else None


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Return the slope of the least-squares line through points (x, y).

    Returns:
        How much y grows for one x more; None with fewer than two different x.
    """
    if len({x for x, _ in points}) < 2:
        return None
    xs, ys = np.array(points).T
    return float(np.polyfit(xs, ys, 1)[0])
