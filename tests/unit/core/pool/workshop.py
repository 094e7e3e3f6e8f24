"""What the tests of the service pool let it make and unmake."""

import asyncio
from collections.abc import Iterator
from itertools import count

from voice_agent.core.service_pool import PoolLimits, Resource, ResourceKey, ResourceKind


class Workshop:
    """Makes numbered things, each in `steps` steps, and remembers which it unmade."""

    def __init__(self, steps: int = 0) -> None:
        self.steps = steps
        self.numbers: Iterator[int] = count(1)
        self.begun = 0
        self.existing: set[int] = set()
        self.closed: list[int] = []
        self.gate = _opened()
        self.made = asyncio.Event()
        self.closing_gate = _opened()
        self.closing = asyncio.Event()
        """Set, and replaced, when a thing is unmade."""
        self.fault: Exception | None = None
        self.reset_gate = _opened()
        self.reset_things: list[int] = []
        self.spoilt: set[int] = set()
        """Things that cannot be reset."""
        self.check_gate = _opened()
        self.sick: set[int] = set()

    async def create(self) -> int:
        self.begun += 1
        await self.gate.wait()
        await self._take_steps()
        if self.fault is not None:
            raise self.fault
        self.made.set()
        number = next(self.numbers)
        self.existing.add(number)
        return number

    async def close(self, thing: int) -> None:
        await self.closing_gate.wait()
        await self._take_steps()
        self.existing.remove(thing)
        self.closed.append(thing)
        self.closing.set()
        self.closing = asyncio.Event()

    async def reset(self, thing: int) -> None:
        await self.reset_gate.wait()
        self.reset_things.append(thing)
        if thing in self.spoilt:
            raise OSError("cannot be reset")

    async def is_healthy(self, thing: int) -> bool:
        await self.check_gate.wait()
        return thing not in self.sick

    def tended(self, limits: PoolLimits, purpose: str = "stt") -> Resource[int]:
        """Return an exclusive resource that is reset and checked."""
        return Resource(
            ResourceKey(ResourceKind.EXCLUSIVE, purpose, "scripted"),
            self.create,
            self.close,
            reset=self.reset,
            is_healthy=self.is_healthy,
            limits=limits,
        )

    def resource(
        self,
        kind: ResourceKind = ResourceKind.SHARED,
        version: str | None = None,
        purpose: str = "stt",
    ) -> Resource[int]:
        key = ResourceKey(kind, purpose, "scripted", agent_version=version)
        return Resource(key, self.create, self.close)

    async def has_closed(self, count: int) -> None:
        """Wait until it has unmade so many things."""
        async with asyncio.timeout(5):
            while len(self.closed) < count:
                await self.closing.wait()

    async def _take_steps(self) -> None:
        for _ in range(self.steps):
            await asyncio.sleep(0)


def _opened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
