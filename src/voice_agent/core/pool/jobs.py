"""The pool's own tasks: building, resetting, checking and closing, each owned until it is over.

A leg that waits for one may give up, or be cancelled, without harm to it or to others who wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from loguru import logger

from voice_agent.core.errors import PoolRefusedError

ResultT = TypeVar("ResultT")


class Jobs:
    """Runs jobs, and tells who began each when it is over, whatever ended it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def now(self) -> float:
        """Return the time by the event loop's clock, in seconds."""
        return asyncio.get_running_loop().time()

    def begin(
        self,
        work: Callable[[], Awaitable[ResultT]],
        *,
        name: str,
        limit_s: float,
        then: Callable[[asyncio.Task[ResultT]], None],
    ) -> asyncio.Task[ResultT]:
        """Run `work` for at most `limit_s` seconds, then call `then` with its task.

        The task fails with PoolRefusedError when the time is over.
        """
        task = asyncio.create_task(_within(limit_s, work, name), name=name)
        self._tasks.add(task)

        def is_over(task: asyncio.Task[ResultT]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                task.exception()  # or asyncio logs it when nobody asks
            then(task)

        task.add_done_callback(is_over)
        return task

    async def all_over(self, limit_s: float) -> None:
        """Wait until no job runs, at most about `limit_s` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit_s
        while self._tasks and loop.time() < deadline:
            await asyncio.wait(self._tasks, timeout=max(0.01, deadline - loop.time()))
        for task in self._tasks:
            logger.error("left behind: {} does not end when it is told to", task.get_name())


async def _within(limit_s: float, work: Callable[[], Awaitable[ResultT]], name: str) -> ResultT:
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            return await work()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise PoolRefusedError(f"{name} took longer than {limit_s:g} s") from error
