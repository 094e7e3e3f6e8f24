"""Short calls, one after the other: how soon the agent speaks, and what that costs the server."""

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from voice_agent.bench.load.crowd import LoadCrowd
from voice_agent.bench.load.process_figures import process_figures

WARM_UP: Final = 1
"""Calls that do not count: the first of a process loads much that later ones do not."""
_SETTLE_S: Final = 1.0
"""From a hang-up until the next call: what the server clears away is not the next call's."""


@dataclass(frozen=True)
class FirstWords:
    """What the first word of a call takes, as medians of a few calls.

    Attributes:
        seconds: From the beginning of connecting until the greeting is heard.
        loop_cpu_s: CPU time of the server's event loop within that time, in seconds.
        cpu_s: The same of the whole server.
    """

    seconds: float
    loop_cpu_s: float
    cpu_s: float


async def first_words(crowd: LoadCrowd, pid: int, calls: int) -> FirstWords | None:
    """Make `calls` short calls of the server `pid` through `crowd`, which must be empty.

    Returns:
        Their figures; None when none of them was greeted.
    """
    found: list[tuple[float, float, float]] = []
    for number in range(calls + WARM_UP):
        before, began = process_figures(pid), time.monotonic()
        await crowd.set_calls(1)
        after, first_word_at = process_figures(pid), crowd.callers[0].first_word_at
        if first_word_at is not None and number >= WARM_UP:
            found.append(
                (
                    first_word_at - began,
                    after.loop_cpu_s - before.loop_cpu_s,
                    after.cpu_s - before.cpu_s,
                )
            )
        await crowd.set_calls(0)
        await asyncio.sleep(_SETTLE_S)
    if not found:
        return None
    seconds, loop_cpu_s, cpu_s = (median(values) for values in zip(*found, strict=True))
    return FirstWords(seconds, loop_cpu_s, cpu_s)
