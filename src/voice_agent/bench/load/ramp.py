"""More and more calls, until it is known how many hold. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from voice_agent.bench.load.quality import Step

GROWTH: Final = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""The numbers of calls that are tried, as long as quality holds."""
TRIES: Final = 2
"""How often quality must break at a number of calls: one noisy moment shall not decide."""
UNCOUNTED: Final = 3
"""How often a number of calls is tried whose steps do not count."""


class Outcome(StrEnum):
    """What is known of a number of calls."""

    HELD = "held"
    BROKE = "broke"
    UNKNOWN = "unknown"
    """Its steps do not count."""
    OPEN = "open"
    """It has to be tried once more."""


@dataclass
class Ramp:
    """The steps of one server over one transport, in the order they were made."""

    steps: list[Step] = field(default_factory=list)

    def good(self, reference_s: float) -> list[Step]:
        """Return the steps that count and at which quality held.

        Args:
            reference_s: The one-call median of plain Pipecat, in seconds.
        """
        return [step for step in self.steps if step.counts and not step.broken(reference_s)]

    def telling_cost(self) -> list[Step]:
        """Return the steps that tell what calls cost, whether or not quality held."""
        return [step for step in self.steps if step.tells_cost]

    def held(self, reference_s: float) -> int:
        """Return the largest number of calls at which quality held, 0 when it never did."""
        return max((step.calls for step in self.good(reference_s)), default=0)

    def outcomes(self, reference_s: float) -> dict[int, Outcome]:
        """Return what is known of each number of calls that was tried."""
        return {
            calls: _outcome([step for step in self.steps if step.calls == calls], reference_s)
            for calls in {step.calls for step in self.steps}
        }

    def may_hold_more(self, reference_s: float) -> bool:
        """Return whether more calls might hold, had the steps with more of them counted."""
        held = self.held(reference_s)
        outcomes = self.outcomes(reference_s)
        beyond = [calls for calls in outcomes if calls > held]
        return bool(beyond) and outcomes[min(beyond)] is Outcome.UNKNOWN


def _outcome(steps: list[Step], reference_s: float) -> Outcome:
    counted = [step for step in steps if step.counts]
    if any(not step.broken(reference_s) for step in counted):
        return Outcome.HELD
    if len(counted) >= TRIES:
        return Outcome.BROKE
    return Outcome.UNKNOWN if len(steps) - len(counted) >= UNCOUNTED else Outcome.OPEN


def next_calls(ramp: Ramp, reference_s: float, max_calls: int) -> int | None:
    """Return with how many calls to go on, None when it is known how many hold.

    Up through `GROWTH` while quality holds; then the numbers between what held and what did not
    are halved, to an eighth of what held.
    """
    outcomes, held = ramp.outcomes(reference_s), ramp.held(reference_s)
    beyond = [calls for calls in outcomes if calls > held]
    undecided = [calls for calls in beyond if outcomes[calls] is Outcome.OPEN]
    if undecided:
        return min(undecided)
    if not beyond:
        following = [calls for calls in GROWTH if held < calls <= max_calls]
        return following[0] if following else None
    between = (held + min(beyond)) // 2
    return between if held < between and min(beyond) - held > max(1, held // 8) else None
