"""A virtual clock: an event loop whose time jumps to the next timer when nothing is ready.

Half an hour of conversation runs in the time its callbacks need, and takes exactly half an hour on
every clock that the code under test can read: the loop's, `time.time()` and `datetime.now()` (by
time-machine, which reaches references taken earlier too: Pipecat's frames hold one), and
`time.monotonic()` and `time.perf_counter()`, which time-machine leaves alone. Work in an executor
takes no virtual time, and no timer overtakes it. Sockets and processes are not waited for: use
in-memory ones.
"""

import asyncio
import contextlib
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

import time_machine

ArgumentsT = TypeVarTuple("ArgumentsT")
ResultT = TypeVar("ResultT")
_Ready = list[tuple[selectors.SelectorKey, int]]

WALL_START = 1_893_456_000.0
"""What wall clocks show when a virtual loop begins: 2030-01-01 00:00 UTC."""
MONOTONIC_START = 1_000.0
"""What monotonic clocks show then. Small, so that adding intervals loses no precision."""
TIME_LIMIT_S = 4 * 3600.0
"""How much virtual time a loop may see; a test that needs more has lost its way."""
STALL_LIMIT_S = 2.0
"""How many real seconds to wait for another thread when the loop itself has nothing left to do."""
EXECUTOR_LIMIT_S = 30.0
"""How many real seconds work in an executor may take."""
STEPS_LIMIT = 500_000
"""How many steps of the loop may pass in which no time does."""
TICK_S = 1e-6
"""The shortest wait. Real callbacks take longer; a shorter one might not move the clock at all."""

_NANOSECONDS = 1_000_000_000


class VirtualTimeError(Exception):
    """The virtual loop cannot go on; the message lists what its tasks wait for."""


class _JumpingSelector(selectors.BaseSelector):
    """The real selector, but a wait for a timer moves the virtual clock instead of sleeping."""

    def __init__(self, loop: "VirtualTimeLoop") -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> _Ready:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._loop.stepped()
            return ready
        if self._loop.is_working_outside:
            return self._wait(EXECUTOR_LIMIT_S, "work outside the loop did not come back")
        if timeout is None:
            return self._wait(STALL_LIMIT_S, "nothing is left that could happen")
        self._loop.advance(timeout)
        return []

    def _wait(self, limit_s: float, fault: str) -> _Ready:
        ready = self._real.select(limit_s)
        if not ready:
            raise VirtualTimeError(self._loop.describe(f"{fault} within {limit_s:g} real seconds"))
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time.

    While it runs the wall clocks of the process tell virtual time too, and in its own thread
    `time.monotonic()` and `time.perf_counter()`. Names imported from `time` beforehand keep telling
    the real one of these two.
    """

    def __init__(self) -> None:
        self._now = MONOTONIC_START
        self._time_limit = MONOTONIC_START + TIME_LIMIT_S
        self._outside = 0
        self._steps = 0
        self._wall: time_machine.Traveller | None = None
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the virtual monotonic time in seconds."""
        return self._now

    @property
    def wall_time(self) -> float:
        """The virtual time in seconds since the Unix epoch."""
        return WALL_START + self._now - MONOTONIC_START

    @property
    def is_working_outside(self) -> bool:
        """Whether something outside the loop is under way, so that time has to stand still."""
        return self._outside > 0

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`; timers that become due run in the loop's next step.

        Raises:
            VirtualTimeError: More than `TIME_LIMIT_S` has passed.
        """
        self._now += seconds
        self._steps = 0
        if self._wall is not None:
            self._wall.move_to(self.wall_time)
        if self._now > self._time_limit:
            # Moved on, so that the tasks that are cancelled now can still wait while they end.
            self._time_limit += TIME_LIMIT_S
            raise VirtualTimeError(self.describe(f"{TIME_LIMIT_S:g} virtual seconds have passed"))

    def stepped(self) -> None:
        """Count a step of the loop in which no time passed.

        Raises:
            VirtualTimeError: There were more than `STEPS_LIMIT` in a row.
        """
        self._steps += 1
        if self._steps > STEPS_LIMIT:
            self._steps = 0
            raise VirtualTimeError(self.describe(f"no time passed in {STEPS_LIMIT} steps"))

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[ArgumentsT]], object],
        *args: *ArgumentsT,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` in `delay` seconds, in `TICK_S` at the soonest when that is not now."""
        if delay > 0:
            delay = max(delay, TICK_S)
        return super().call_later(delay, callback, *args, context=context)

    @contextlib.contextmanager
    def working_outside(self) -> Iterator[None]:
        """Let time stand still for as long as the block waits for another thread."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[ArgumentsT]], ResultT],
        *args: *ArgumentsT,
    ) -> asyncio.Future[ResultT]:
        """Run `func` in `executor`; no virtual time passes until it is done or given up."""
        future = super().run_in_executor(executor, func, *args)
        self._outside += 1
        future.add_done_callback(self._came_back)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Wait for the default executor's threads; its time limit is real, not virtual."""
        del timeout
        with self.working_outside():
            await super().shutdown_default_executor()

    def run_forever(self) -> None:
        """Run until stopped, with the clocks of the process on virtual time meanwhile."""
        with time_machine.travel(self.wall_time, tick=False) as wall, _clocks_follow(self):
            self._wall = wall
            try:
                super().run_forever()
            finally:
                self._wall = None

    def describe(self, fault: str) -> str:
        """Return `fault` with the virtual time and what every task waits for."""
        lines = [f"{fault}, {self._now - MONOTONIC_START:.3f} virtual seconds after the start"]
        for task in asyncio.all_tasks(self):
            frames = task.get_stack(limit=1)
            where = f"{frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else "unknown"
            lines.append(f"  task {task.get_name()} waits at {where}")
        return "\n".join(lines)

    def _came_back(self, _: asyncio.Future[Any]) -> None:
        self._outside -= 1


class VirtualClock:
    """The `Clock` that tells a virtual loop's time."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop

    def wall(self) -> float:
        """Return seconds since the Unix epoch."""
        return self._loop.wall_time

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return self._loop.time()


def virtual_clock() -> VirtualClock:
    """Return the clock of the running virtual loop.

    Raises:
        RuntimeError: No loop is running, or it is not a virtual one.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualTimeLoop):
        raise RuntimeError(  # noqa: TRY004 - the caller passed nothing of a wrong type
            "the running event loop is not on virtual time; mark the test with "
            "@pytest.mark.virtual_time or start it with run_in_virtual_time()"
        )
    return VirtualClock(loop)


def run_in_virtual_time(main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run `main` on a fresh virtual loop, as `asyncio.run` would, and return its result.

    Raises:
        VirtualTimeError: It waits for something that can never happen.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


@contextlib.contextmanager
def _clocks_follow(loop: VirtualTimeLoop) -> Iterator[None]:
    thread = threading.get_ident()

    def replaced(real: Callable[[], Any], virtual: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: virtual() if threading.get_ident() == thread else real()

    virtual_readings: Mapping[str, Callable[[], Any]] = {
        "monotonic": loop.time,
        "monotonic_ns": lambda: round(loop.time() * _NANOSECONDS),
        "perf_counter": loop.time,
        "perf_counter_ns": lambda: round(loop.time() * _NANOSECONDS),
    }
    real_readings = {name: getattr(time, name) for name in virtual_readings}
    for name, virtual in virtual_readings.items():
        setattr(time, name, replaced(real_readings[name], virtual))
    try:
        yield
    finally:
        for name, real in real_readings.items():
            setattr(time, name, real)
