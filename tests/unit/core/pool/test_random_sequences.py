"""The pool against a model of it: random leases, cancellations, faults and waits, then the end."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import (
    Lease,
    PoolLimits,
    Resource,
    ResourceKey,
    ResourceKind,
    TimeLimits,
    slots,
)
from voice_agent.testing.virtual_time import VirtualTimeLoop

TIMES: Final = TimeLimits(create_s=4, reset_s=1, check_s=1, close_s=2)
LONGEST_S: Final = 60.0
"""After so long without a call everything that was begun has come to its end."""


class Mood(StrEnum):
    """How the next thing that is done to a resource goes."""

    WELL = "well"
    SLOWLY = "slowly"
    BADLY = "badly"
    NEVER = "never"


class Maker:
    """Makes things, and does to them what the moods say."""

    def __init__(self, purpose: str, kind: ResourceKind, limits: PoolLimits) -> None:
        self.limits = limits
        self.moods = dict.fromkeys(("create", "reset", "check", "close"), Mood.WELL)
        self.being_made = 0
        self.existing: set[int] = set()
        self.made = 0
        own = kind is ResourceKind.EXCLUSIVE
        self.resource: Resource[Any] = Resource(
            ResourceKey(kind, purpose, "scripted"),
            self._create,
            self._close,
            reset=self._reset if own else None,
            is_healthy=self._check if own else None,
            limits=limits,
            times=TIMES,
        )

    @property
    def alive(self) -> int:
        return self.being_made + len(self.existing)

    async def _create(self) -> int:
        self.being_made += 1
        try:
            await self._act("create")
            self.made += 1
            self.existing.add(self.made)
            return self.made
        finally:
            self.being_made -= 1

    async def _reset(self, thing: int) -> None:
        assert thing in self.existing
        await self._act("reset")

    async def _check(self, thing: int) -> bool:
        assert thing in self.existing
        mood = self.moods["check"]
        if mood is Mood.BADLY:
            return False
        await self._act("check")
        return True

    async def _close(self, thing: int) -> None:
        assert thing in self.existing, "closed twice"
        try:
            await self._act("close")
        finally:
            # What cannot be closed is left behind by the pool: it counts as gone.
            self.existing.remove(thing)

    async def _act(self, what: str) -> None:
        match self.moods[what]:
            case Mood.WELL:
                await asyncio.sleep(0)
            case Mood.SLOWLY:
                await asyncio.sleep(0.7)
            case Mood.BADLY:
                raise OSError(f"cannot {what}")
            case Mood.NEVER:
                await asyncio.Event().wait()


@dataclass
class Call:
    """One that leases: pending until `task` is done."""

    task: asyncio.Task[Lease]
    wanted: list[Resource[Any]]
    answered_by: float
    is_cancelled: bool = False


@dataclass
class Model:
    """What should be so."""

    pending: list[Call] = field(default_factory=list)
    held: list[tuple[Lease, list[Resource[Any]]]] = field(default_factory=list)
    is_closed: bool = False


class PoolMachine(RuleBasedStateMachine):
    """Drives a pool with five resources."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.loop = self.runner.get_loop()
        self.pool = WarmServicePool()
        self.model = Model()
        exclusive = ResourceKind.EXCLUSIVE
        self.makers = [
            Maker("single", exclusive, PoolLimits(maximum=1)),
            Maker("warm", exclusive, PoolLimits(minimum=1, maximum=3, idle_s=5, max_age_s=20)),
            Maker("resting", exclusive, PoolLimits(minimum=2, maximum=2, rest_s=10, waiters=3)),
            Maker("shared", ResourceKind.SHARED, PoolLimits(waiters=4)),
        ]
        self.resources = [*(maker.resource for maker in self.makers), slots("slots", "scripted", 2)]

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.runner.run(work)
        self._collect()

    def _collect(self) -> None:
        for call in [call for call in self.model.pending if call.task.done()]:
            self.model.pending.remove(call)
            if call.task.cancelled():
                assert call.is_cancelled
            elif (error := call.task.exception()) is not None:
                assert isinstance(error, PoolRefusedError), error
            else:
                self.model.held.append((call.task.result(), call.wanted))

    @rule(
        wanted=st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True),
        timeout_s=st.sampled_from([0.5, 3.0, 30.0]),
        times=st.integers(1, 4),
    )
    def lease(self, wanted: list[int], timeout_s: float, times: int) -> None:
        resources = [self.resources[index] for index in wanted]

        async def ask() -> None:
            for _ in range(times):
                task = asyncio.create_task(self.pool.lease(resources, timeout_s=timeout_s))
                self.model.pending.append(Call(task, resources, self.loop.time() + timeout_s))

        self.run(ask())

    @precondition(lambda self: self.model.pending)
    @rule(data=st.data(), steps=st.integers(0, 6))
    def cancel(self, data: st.DataObject, steps: int) -> None:
        call = data.draw(st.sampled_from(self.model.pending))

        async def cancel() -> None:
            await self._steps(steps)
            call.is_cancelled = True
            call.task.cancel()

        self.run(cancel())

    @precondition(lambda self: self.model.held)
    @rule(data=st.data(), times=st.integers(1, 2), is_cancelled=st.booleans())
    def release(self, data: st.DataObject, times: int, is_cancelled: bool) -> None:
        held = data.draw(st.sampled_from(self.model.held))
        self.model.held.remove(held)
        lease, _ = held

        async def release() -> None:
            for _ in range(times):
                task = asyncio.create_task(lease.release())
                await asyncio.sleep(0)
                if is_cancelled:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

        self.run(release())

    @rule(
        maker=st.integers(0, 3),
        what=st.sampled_from(["create", "reset", "check", "close"]),
        mood=st.sampled_from(Mood),
    )
    def change(self, maker: int, what: str, mood: Mood) -> None:
        self.makers[maker].moods[what] = mood

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0, 11.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule(steps=st.integers(1, 10))
    def step(self, steps: int) -> None:
        self.run(self._steps(steps))

    @precondition(lambda self: not self.model.is_closed and len(self.model.held) > 1)
    @rule(waits=st.booleans())
    def close(self, waits: bool) -> None:
        self.model.is_closed = True

        async def close() -> None:
            closing = asyncio.create_task(self.pool.close())
            await asyncio.sleep(TIMES.close_s + 1 if waits else 0)
            assert closing.done() or not waits
            self.closing = closing

        self.run(close())
        if waits:
            assert self.model.pending == []

    @invariant()
    def no_maximum_is_exceeded(self) -> None:
        for maker in self.makers:
            maximum = 1 if maker.resource.key.purpose == "shared" else maker.limits.maximum
            assert maximum is not None
            assert maker.alive <= maximum

    @invariant()
    def the_pool_counts_what_is_held(self) -> None:
        held = Counter(each.key for _, wanted in self.model.held for each in wanted)
        asked = Counter(each.key for call in self.model.pending for each in call.wanted)
        for row in self.pool.statistics():
            # Of who still waits for something, it may hold the rest already.
            assert held[row.key] <= row.in_use <= held[row.key] + asked[row.key]
            assert row.waiting <= asked[row.key]
            assert row.in_use <= row.size or row.key.kind is ResourceKind.SHARED

    @invariant()
    def no_two_hold_the_same(self) -> None:
        for maker in self.makers[:3]:
            things = [
                lease.get(maker.resource)
                for lease, wanted in self.model.held
                if maker.resource in wanted
            ]
            assert len(things) == len(set(things))
            assert set(things) <= maker.existing

    @invariant()
    def everybody_is_answered_in_time(self) -> None:
        now = self.loop.time()
        assert all(now <= call.answered_by + 0.001 for call in self.model.pending)

    def teardown(self) -> None:
        async def end() -> None:
            await self.pool.close()
            self._collect()  # who was answered just before
            for lease, _ in self.model.held:
                await lease.release()
            await asyncio.sleep(LONGEST_S)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        with self.runner:
            self.run(end())
            assert self.model.pending == []
            assert [maker.alive for maker in self.makers] == [0, 0, 0, 0]

    @staticmethod
    async def _steps(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)


class TestRandomSequences(PoolMachine.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
