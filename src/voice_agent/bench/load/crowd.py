"""Callers who call at once, and what is measured of them in a window of time."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

import aiohttp

from voice_agent.bench.load.connections import Connection, sample_rate
from voice_agent.bench.load.paced_caller import PacedCaller, Script
from voice_agent.bench.load.pacing import GeneratorFigures
from voice_agent.bench.load.process_figures import busy_s, process_figures
from voice_agent.bench.load.quality import Step
from voice_agent.client.signalling import TransportName

GREETED_TIMEOUT_S: Final = 20.0
SETTLE_S: Final = 2.0
"""From the last greeting until measuring begins."""
GRACE_S: Final = 1.5
"""From a window's end until a question asked in it counts as not answered yet."""
_POLL_S: Final = 0.1


class LoadCrowd:
    """Callers of the server at `url`; they hang up when it is left.

    Args:
        url: The server's address.
        pid: Its process.
        transport: How they connect.
        script: What is said.
        core: The core that the server has to itself; None when it has none.
        seed: For pauses and questions.
    """

    def __init__(
        self,
        url: str,
        pid: int,
        transport: TransportName,
        script: Script,
        *,
        core: int | None,
        seed: int,
    ) -> None:
        self._url = url
        self._pid = pid
        self._transport = transport
        self._script = script
        self._core = core
        self._seed = seed
        self._calls: list[tuple[PacedCaller, Connection]] = []
        self._http: aiohttp.ClientSession
        self._came = 0

    async def __aenter__(self) -> Self:
        """Be ready to call."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self.set_calls(0)
        await self._http.close()

    @property
    def callers(self) -> list[PacedCaller]:
        """Who calls now."""
        return [caller for caller, _ in self._calls]

    async def set_calls(self, calls: int) -> None:
        """Let `calls` people call, one more after the other, and wait until all are greeted.

        Those whose call failed are replaced.
        """
        failed = [call for call in self._calls if call[0].failure]
        working = [call for call in self._calls if not call[0].failure]
        surplus, self._calls = working[calls:], working[:calls]
        await asyncio.gather(*(connection.close() for _, connection in [*failed, *surplus]))
        while len(self._calls) < calls:
            caller = self._next_caller()
            connection = Connection(self._url, self._transport, caller, self._http)
            self._calls.append((caller, connection))
            await connection.open()
        # Who is not greeted fails by himself, and is counted.
        await _while(
            lambda: any(_waits_for_greeting(caller) for caller in self.callers), GREETED_TIMEOUT_S
        )

    async def measure(self, seconds: float, *, settle_s: float = SETTLE_S) -> Step:
        """Return what `seconds` of these calls come to.

        Raises:
            psutil.NoSuchProcess: The server has ended.
        """
        await asyncio.sleep(settle_s)
        packets, late = _sum(self.callers, "packets"), _sum(self.callers, "late")
        strays = _sum(self.callers, "strays")
        for caller in self.callers:
            caller.pacing.take()
        began, own, before = time.monotonic(), time.process_time(), process_figures(self._pid)
        busy = busy_s(self._core)
        await asyncio.sleep(seconds)
        ended, after = time.monotonic(), process_figures(self._pid)
        busy_then = busy_s(self._core)
        generator_cpu = (time.process_time() - own) / (ended - began)
        lateness = [late_s for caller in self.callers for late_s in caller.pacing.take()]
        packets = _sum(self.callers, "packets") - packets
        late = _sum(self.callers, "late") - late
        await self._answered(began, ended)
        return Step(
            calls=len(self._calls),
            seconds=ended - began,
            latencies_s=tuple(self._latencies(began, ended)),
            packets=packets,
            late=late,
            failures=tuple(caller.failure for caller in self.callers if caller.failure),
            strays=_sum(self.callers, "strays") - strays,
            cpu=(after.cpu_s - before.cpu_s) / (ended - began),
            loop_cpu=(after.loop_cpu_s - before.loop_cpu_s) / (ended - began),
            resident_bytes=after.resident_bytes,
            generator=GeneratorFigures.of(lateness, generator_cpu),
            disturbance=None
            if busy is None or busy_then is None
            else (busy_then - busy - (after.cpu_s - before.cpu_s)) / (ended - began),
        )

    def _next_caller(self) -> PacedCaller:
        caller = PacedCaller(
            self._script,
            sample_rate(self._transport),
            is_buffered=self._transport is TransportName.WEBSOCKET,
            generator=random.Random(self._seed * 1000 + self._came),  # noqa: S311 - pauses
        )
        self._came += 1
        return caller

    async def _answered(self, began: float, ended: float) -> None:
        """Wait a moment for the answers to what was asked between the two times."""
        await _while(
            lambda: any(_waits_since(caller, began, ended) is not None for caller in self.callers),
            ended + GRACE_S - time.monotonic(),
        )

    def _latencies(self, began: float, ended: float) -> Iterable[float]:
        now = time.monotonic()
        for caller in self.callers:
            for turn in caller.turns:
                if began <= turn.ended_at < ended:
                    yield turn.latency_s
            since = _waits_since(caller, began, ended)
            if since is not None:
                yield now - since


async def _while(condition: Callable[[], bool], within_s: float) -> None:
    """Return when `condition` no longer holds, or `within_s` seconds are over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not condition():
            return
        await asyncio.sleep(_POLL_S)


def _waits_for_greeting(caller: PacedCaller) -> bool:
    return caller.first_word_at is None and caller.failure is None


def _waits_since(caller: PacedCaller, began: float, ended: float) -> float | None:
    since = caller.waiting_since
    return since if since is not None and began <= since < ended else None


def _sum(callers: Iterable[PacedCaller], name: str) -> int:
    return sum(getattr(caller, name) for caller in callers)
