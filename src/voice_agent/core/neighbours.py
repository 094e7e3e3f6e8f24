"""The other processes that serve the same port, and what they can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Question(StrEnum):
    """What one process asks all others, so that its answer is the whole host's."""

    METRICS = "metrics"
    POOL = "pool"
    SYSTEM = "system"


@dataclass(frozen=True)
class Gathered:
    """What the others said, each in the JSON form in which it would have answered by itself."""

    answers: Sequence[Any]
    answered: int
    """Of how many processes the answers are, the asking one counted."""
    wanted: int
    """How many processes there should be."""


class Neighbours(Protocol):
    """Reaches the other processes."""

    async def ask(self, question: Question, own: Any) -> Gathered:
        """Return what the others answer; who does not in a bounded time is left out.

        Args:
            question: What to ask.
            own: What the asking process answers itself: it is kept for when this one is gone.
        """


class NoNeighbours:
    """There is one process."""

    async def ask(self, question: Question, own: Any) -> Gathered:  # noqa: ARG002
        """Return that nobody else was there to answer."""
        return Gathered(answers=(), answered=1, wanted=1)
