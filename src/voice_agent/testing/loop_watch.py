"""A watch on the event loop: how long did a single callback hold it, in real time, and which?"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

_real_time = time.perf_counter


class EventLoopHeldError(AssertionError):
    """A callback held the event loop longer than allowed."""


class EventLoopWatch:
    """Times every callback of asyncio's own event loops in this process while it is entered.

    Other calls wait for as long as one callback runs, so `longest_s` is the worst delay that this
    process added by itself. uvloop runs its callbacks elsewhere and is not seen.
    """

    def __init__(self, limit_s: float | None = None) -> None:
        self._limit_s = limit_s
        self._original: Callable[[asyncio.Handle], None] | None = None
        self._culprit = ""
        self.longest_s = 0.0
        """The longest that one callback has run so far, in real seconds."""

    @property
    def culprit(self) -> str:
        """What the callback that ran longest was, or nothing."""
        return self._culprit

    def check(self) -> None:
        """Do nothing while the limit was kept.

        Raises:
            EventLoopHeldError: A callback ran longer than the limit; the message names it.
        """
        if self._limit_s is not None and self.longest_s > self._limit_s:
            raise EventLoopHeldError(
                f"the event loop was held for {self.longest_s * 1000:.1f} ms, at most "
                f"{self._limit_s * 1000:.1f} ms are allowed; by {self._culprit}"
            )

    def __enter__(self) -> Self:
        """Begin to watch."""
        original = asyncio.Handle._run

        def timed(handle: Any) -> None:
            started = _real_time()
            try:
                original(handle)
            finally:
                held_s = _real_time() - started
                if held_s > self.longest_s:
                    self.longest_s = held_s
                    self._culprit = _describe(handle)

        self._original = original
        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop watching; raise EventLoopHeldError unless another error is on its way."""
        if self._original is not None:
            asyncio.Handle._run = self._original  # type: ignore[method-assign, assignment]
            self._original = None
        if error is None:
            self.check()


def _describe(handle: Any) -> str:
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return f"task {task.get_name()} ({task.get_coro()!r})"
    return repr(callback)
