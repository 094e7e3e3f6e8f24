"""Ways to one end, begun one after the other: the first that succeeds counts."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")


async def staggered_race(
    starts: Sequence[Callable[[], Coroutine[Any, Any, Result]]],
    head_start_s: float,
    failed: Callable[[int, BaseException], None],
) -> Result | None:
    """Return what the first one to succeed returns, None when none does; no other runs then.

    As RFC 8305 (5) has it for addresses: each has a head start, and loses it when it fails.

    Args:
        starts: Begun in this order. Of two that succeed at once the earlier one counts.
        head_start_s: How long each may take before the next is begun beside it, in seconds.
        failed: Told the place of one that failed, and why; what it raises ends the race.
    """
    waiting = deque(enumerate(starts))
    running: dict[asyncio.Task[Result], int] = {}
    try:
        while waiting or running:
            if waiting:
                place, start = waiting.popleft()
                running[asyncio.create_task(start())] = place
            done, _ = await asyncio.wait(
                running,
                timeout=head_start_s if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in [task for task in running if task in done]:
                place = running.pop(task)
                error = task.exception()
                if error is None:
                    return task.result()
                failed(place, error)
        return None
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
