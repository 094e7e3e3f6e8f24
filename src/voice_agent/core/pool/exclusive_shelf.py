"""An exclusive resource: lent to one leg at a time, kept warm, reset and checked on return."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from loguru import logger

from voice_agent.core.pool.built_shelf import BuiltShelf
from voice_agent.core.pool.jobs import Jobs
from voice_agent.core.pool.waiting_line import Item
from voice_agent.core.service_pool import PoolLimits, Resource, ResourceStatistics

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
SHORTEST_ALARM_S = 0.001


def pause_s(failures: int) -> float:
    """Return how long to wait before the next build after `failures` in a row, at least 1."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30))


class ExclusiveShelf(BuiltShelf):
    """Keeps between `limits.minimum` and `limits.maximum` things.

    Each is either idle, lent, being tended (reset or checked) or being closed, or not yet built.
    What was used last is lent first, so that those which are not needed grow old and are retired.
    """

    def __init__(self, resource: Resource[Any], limits: PoolLimits, jobs: Jobs) -> None:
        super().__init__(resource, limits, jobs)
        self._idle: list[Item] = []
        """The longest idle first."""
        self._lent = 0
        self._tended: set[asyncio.Task[bool]] = set()
        self._failures_in_a_row = 0
        self._build_again_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._quarantined = 0
        self._retired = 0

    @property
    def is_quiet(self) -> bool:
        """Whether all there is of it is idle."""
        return self._is_still and not (self._lent or self._tended)

    def statistics(self) -> ResourceStatistics:
        """Return its counts; its size is how many exist, those that are being closed included."""
        return self._counts(
            size=len(self._idle) + self._lent + len(self._tended) + self._closing,
            in_use=self._lent,
            idle=len(self._idle),
            building=len(self._builds),
            quarantined=self._quarantined,
            retired=self._retired,
        )

    def close(self) -> None:
        """Refuse who waits, end what is done to them, and begin to close those not lent."""
        super().close()
        self._set_alarm(None)
        for tending in self._tended:
            tending.cancel()
        idle, self._idle = self._idle, []
        for item in idle:
            self._begin_close(item)

    @property
    def _usable(self) -> int:
        """How many there are or will be, without those that are being closed."""
        return len(self._idle) + self._lent + len(self._tended) + len(self._builds)

    def _serve(self) -> None:
        if not self._is_closed:
            now = self._jobs.now()
            self._retire(now)
            self._lend_idle()
            self._build_missing(now)
            self._set_alarm(self._next_alarm(now))

    def _lend_idle(self) -> None:
        # Each that is being tended will serve one of those who wait, unless it fails.
        while self._idle and len(self._line) > len(self._tended):
            item = self._idle.pop()
            if self.resource.is_healthy is None:
                self._lent += 1
                self._lend(item)
            else:
                self._tend(item, self._checked)

    def _build_missing(self, now: float) -> None:
        coming = len(self._builds) + len(self._tended)
        missing = max(len(self._line) - coming, self._minimum(now) - self._usable)
        if self.limits.maximum is not None:
            missing = min(missing, self.limits.maximum - self._usable - self._closing)
        # When nothing is there to wait for, who asks may try at once.
        if now >= self._build_again_at or (self._line and self._usable == 0):
            for _ in range(missing):
                self._begin_build()

    def _minimum(self, now: float) -> int:
        return 0 if self._rests(now) else self.limits.minimum

    def _rests(self, now: float) -> bool:
        rest_s = self.limits.rest_s
        unused = self._lent == 0 and not self._line
        return rest_s is not None and unused and now - self.last_used >= rest_s

    def _take_new(self, item: Item) -> None:
        self._failures_in_a_row = 0
        self._build_again_at = 0.0
        self._offer(item)

    def _not_built(self, reason: str) -> None:
        self._failures_in_a_row += 1
        now = self._jobs.now()
        self._build_again_at = now + pause_s(self._failures_in_a_row)
        if self._usable == 0:
            self._line.refuse_all(reason, now)
        self._serve()

    def _return(self, item: Item, *, used: bool) -> None:
        self._lent -= 1
        if self._is_closed:
            self._begin_close(item)
        elif used and (self.resource.reset or self.resource.is_healthy):
            self._tend(item, self._made_as_new)
            self._serve()
        else:
            self._offer(item)

    def _offer(self, item: Item) -> None:
        """Give a thing that is good to the first who waits, else keep it."""
        now = self._jobs.now()
        item.idle_since = now
        if self._line and not self._is_old(item, now):
            self._lent += 1
            self._lend(item)
        else:
            self._idle.append(item)
        self._serve()

    def _tend(self, item: Item, work: Callable[[Item], Awaitable[bool]]) -> None:
        times = self.resource.times
        tending = self._jobs.begin(
            partial(work, item),
            name=f"checking {self.name}",
            limit_s=times.reset_s + times.check_s,
            then=partial(self._is_tended, item),
        )
        self._tended.add(tending)

    async def _made_as_new(self, item: Item) -> bool:
        if self.resource.reset is not None:
            async with asyncio.timeout(self.resource.times.reset_s):
                await self.resource.reset(item.thing)
        return await self._checked(item)

    async def _checked(self, item: Item) -> bool:
        if self.resource.is_healthy is None:
            return True
        async with asyncio.timeout(self.resource.times.check_s):
            return await self.resource.is_healthy(item.thing)

    def _is_tended(self, item: Item, tending: asyncio.Task[bool]) -> None:
        self._tended.discard(tending)
        if self._is_closed:
            self._begin_close(item)
            return
        error = None if tending.cancelled() else tending.exception()
        if not tending.cancelled() and error is None and tending.result():
            self._offer(item)
            return
        logger.warning("{} is not healthy and is replaced: {!r}", self.name, error or "check")
        self._quarantined += 1
        self._begin_close(item)
        self._serve()

    def _retire(self, now: float) -> None:
        for item in [item for item in self._idle if self._is_old(item, now)]:
            self._retire_one(item)
        minimum = self._minimum(now)
        while self._idle and self._usable > minimum and self._is_surplus(self._idle[0], now):
            self._retire_one(self._idle[0])

    def _retire_one(self, item: Item) -> None:
        self._idle.remove(item)
        self._retired += 1
        self._begin_close(item)

    def _is_old(self, item: Item, now: float) -> bool:
        max_age_s = self.limits.max_age_s
        return max_age_s is not None and now - item.made_at >= max_age_s

    def _is_surplus(self, item: Item, now: float) -> bool:
        return now - item.idle_since >= self.limits.idle_s or self._rests(now)

    def _next_alarm(self, now: float) -> float | None:
        """Return when there is something to do without being asked."""
        due = []
        if self._usable > self._minimum(now):
            due += [item.idle_since + self.limits.idle_s for item in self._idle[:1]]
        if self.limits.max_age_s is not None:
            due += [item.made_at + self.limits.max_age_s for item in self._idle]
        if self.limits.rest_s is not None and self._idle and not self._rests(now):
            due.append(self.last_used + self.limits.rest_s)
        if self._build_again_at > now and (self._line or self._usable < self._minimum(now)):
            due.append(self._build_again_at)
        return min(due, default=None)

    def _set_alarm(self, when: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if when is not None:
            delay_s = max(SHORTEST_ALARM_S, when - self._jobs.now())
            self._alarm = asyncio.get_running_loop().call_later(delay_s, self._serve)
