"""Which process gets a request. Pure: told what happened and when, in monotonic seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from voice_agent.cluster.routing import Destination, Route

SILENT_AFTER_S: Final = 3.0
"""Nothing new is placed on a process that has not been heard of for so long."""
PLACED_COUNTS_S: Final = 15.0
"""For how long what was placed counts, if the process never says what became of it."""


@dataclass(frozen=True)
class Load:
    """What a process says of itself; `quota` is how many sessions it may have."""

    sessions: int
    peers: int
    quota: int
    is_ready: bool


@dataclass
class _Known:
    load: Load
    heard_at: float
    placed: dict[int, float] = field(default_factory=dict)
    """When each request was placed that begins a session, by its number, until that has begun."""

    def begun(self, now: float) -> int:
        """How many sessions it has, with those that are on their way."""
        for number in [n for n, at in self.placed.items() if now - at > PLACED_COUNTS_S]:
            del self.placed[number]
        return self.load.sessions + len(self.placed)


class Placement:
    """Knows the processes that can be given something, and how much each has."""

    def __init__(self) -> None:
        self._processes: dict[str, _Known] = {}
        self._turn = 0

    def heard(self, name: str, load: Load, settled: Iterable[int], now: float) -> None:
        """Take in what a process says.

        Args:
            name: Which one.
            load: What it has now.
            settled: The numbers of those placed on it which are in `load`, or came to nothing.
            now: The time.
        """
        known = self._processes.setdefault(name, _Known(load, now))
        known.load, known.heard_at = load, now
        for number in settled:
            known.placed.pop(number, None)

    def gone(self, name: str) -> None:
        """Forget a process."""
        self._processes.pop(name, None)

    def placed(self, name: str, number: int, now: float) -> None:
        """Count a request that begins a session, until the process says that it has."""
        if name in self._processes:
            self._processes[name].placed[number] = now

    def withdrawn(self, name: str, number: int) -> None:
        """The request did not get there."""
        if name in self._processes:
            self._processes[name].placed.pop(number, None)

    def choose(self, route: Route, now: float) -> str | None:
        """Return the name of the process that gets a request; None when there is none.

        An owner gets its own even when it is silent, for no other could answer; an owner that is
        gone or never was is replaced by the least loaded.
        """
        owner = self._processes.get(route.process) if route.process else None
        if route.destination is Destination.OWNER and owner is not None and owner.load.is_ready:
            return route.process
        able = [
            name
            for name, known in self._processes.items()
            if known.load.is_ready and now - known.heard_at <= SILENT_AFTER_S
        ]
        if not able:
            return None
        self._turn += 1
        able = able[self._turn % len(able) :] + able[: self._turn % len(able)]
        if route.destination is Destination.ANY:
            return able[0]
        return min(able, key=lambda name: self._fullness(name, now))

    def silence(self, name: str, now: float) -> float:
        """Return for how many seconds a process has not been heard; 0 of an unknown one."""
        known = self._processes.get(name)
        return now - known.heard_at if known else 0.0

    def _fullness(self, name: str, now: float) -> tuple[float, int]:
        known = self._processes[name]
        return known.begun(now) / max(1, known.load.quota), known.load.peers
