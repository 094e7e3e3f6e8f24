"""A watch on a running server's event loop, whatever its kind: how long was it held, and by what?

A beat runs in the loop every 2 ms; how late it comes is how long everybody waited, be it for one
callback or for many that were due at once. A thread looks at the loop's stack while a beat is
overdue, which names the culprit. `loop_watch` times single callbacks, in asyncio's own loops only.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from types import FrameType

BEAT_S = 0.002
"""Seconds between two beats; a hold is measured short by at most as much."""
SUSPICIOUS_S = 0.006
"""From how long on a beat is overdue enough to look at the stack."""
NOTEWORTHY_S = 0.010
"""Holds that are counted: what DESIGN allows at most."""
KEPT = 8
"""How many of the longest holds are kept."""
STACK_DEPTH = 14


@dataclass(frozen=True)
class Hold:
    """One time that the loop was held.

    Attributes:
        wall_s: For how long, in seconds. On a busy machine the time others got the processor is
            in it.
        cpu_s: How much of it the loop's thread computed itself.
        stack: Where it was, the innermost call last; empty when it was too short to be seen.
    """

    wall_s: float
    cpu_s: float
    stack: tuple[str, ...]


@dataclass(frozen=True)
class HoldReport:
    """What a watch saw.

    Attributes:
        watched_s: For how long it watched, in seconds.
        longest_wall_s: The longest hold by the clock.
        longest_cpu_s: The longest by the processor time of the loop's thread.
        noteworthy: How many holds computed longer than `NOTEWORTHY_S`.
        holds: The longest by processor time, longest first.
        culprits: Where the loop was in noteworthy holds, and how often.
    """

    watched_s: float
    longest_wall_s: float
    longest_cpu_s: float
    noteworthy: int
    holds: tuple[Hold, ...]
    culprits: dict[str, int]


class LoopWatchdog:
    """Watches the running event loop from `start` to `stop`; made and used in that loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._stopping = threading.Event()
        self._looking: threading.Thread | None = None
        self._next: asyncio.TimerHandle | None = None
        self._beat_at = self._began_at = 0.0
        self._beat_cpu = 0.0
        self._stack: tuple[str, ...] = ()
        self._longest_wall_s = 0.0
        self._holds: list[Hold] = []
        self._culprits: Counter[str] = Counter()
        self._noteworthy = 0

    def start(self) -> None:
        """Begin to watch."""
        self._beat_at = self._began_at = time.perf_counter()
        self._beat_cpu = time.thread_time()
        self._next = self._loop.call_later(BEAT_S, self._beat)
        self._looking = threading.Thread(target=self._look, name="loop watchdog", daemon=True)
        self._looking.start()

    def stop(self) -> HoldReport:
        """Stop watching and return what was seen."""
        if self._next is not None:
            self._next.cancel()
        self._stopping.set()
        if self._looking is not None:
            self._looking.join()
        return HoldReport(
            watched_s=time.perf_counter() - self._began_at,
            longest_wall_s=self._longest_wall_s,
            longest_cpu_s=self._holds[0].cpu_s if self._holds else 0.0,
            noteworthy=self._noteworthy,
            holds=tuple(self._holds),
            culprits=dict(self._culprits.most_common(12)),
        )

    def _beat(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        wall_s = now - self._beat_at - BEAT_S
        hold = Hold(wall_s, cpu - self._beat_cpu, self._stack)
        self._longest_wall_s = max(self._longest_wall_s, wall_s)
        if hold.cpu_s >= NOTEWORTHY_S and wall_s >= NOTEWORTHY_S:
            self._noteworthy += 1
            self._culprits[hold.stack[-1] if hold.stack else "not seen"] += 1
        if len(self._holds) < KEPT or hold.cpu_s > self._holds[-1].cpu_s:
            self._holds.append(hold)
            self._holds.sort(key=lambda each: each.cpu_s, reverse=True)
            del self._holds[KEPT:]
        self._stack = ()
        self._beat_at, self._beat_cpu = time.perf_counter(), time.thread_time()
        self._next = self._loop.call_later(BEAT_S, self._beat)

    def _look(self) -> None:
        while not self._stopping.wait(BEAT_S):
            beat_at = self._beat_at
            if time.perf_counter() - beat_at < SUSPICIOUS_S:
                continue
            frame = sys._current_frames().get(self._loop_thread)
            if frame is None:
                continue
            stack = _stack_of(frame)
            # The first is kept: later ones show what was done after the culprit, before the beat.
            if beat_at == self._beat_at and not self._stack:
                self._stack = stack


def _stack_of(frame: FrameType | None) -> tuple[str, ...]:
    """Return the innermost calls, the innermost last; without their source, which takes long."""
    calls: list[str] = []
    while frame is not None and len(calls) < STACK_DEPTH:
        code = frame.f_code
        calls.append(f"{_short(code.co_filename)}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return tuple(reversed(calls))


def _short(path: str) -> str:
    """Return the part of a file's path that tells it, from its package on."""
    return "/".join(path.rpartition("site-packages/")[2].split("/")[-4:])
