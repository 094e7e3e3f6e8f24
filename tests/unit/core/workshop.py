"""What the tests of the service pool let it make and unmake."""

import asyncio
from collections.abc import Iterator
from itertools import count

from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind


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
        self.fault: Exception | None = None

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

    def resource(
        self,
        kind: ResourceKind = ResourceKind.SHARED,
        version: str | None = None,
        purpose: str = "stt",
    ) -> Resource[int]:
        key = ResourceKey(kind, purpose, "scripted", agent_version=version)
        return Resource(key, self.create, self.close)

    async def _take_steps(self) -> None:
        for _ in range(self.steps):
            await asyncio.sleep(0)


def _opened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
