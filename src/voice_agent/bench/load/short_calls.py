"""Many short calls: does the server's memory grow with the calls that were?"""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from voice_agent.bench.load.connections import Connection, sample_rate
from voice_agent.bench.load.paced_caller import PacedCaller, Script
from voice_agent.bench.load.process_figures import process_figures
from voice_agent.client.signalling import TransportName

FIRST_PART: Final = 0.2
"""The share of the calls after which memory is counted for the first time."""
AT_ONCE: Final = 4
SETTLE_S: Final = 5.0
"""From the last hang-up until memory is counted: the server collects its garbage first."""
_POLL_S: Final = 0.02
_GREETED_TIMEOUT_S: Final = 15.0


@dataclass(frozen=True)
class Memory:
    """What was in use after the first calls, and after all.

    Attributes:
        first_calls: How many were the first.
        calls: How many were all.
        first_bytes: Memory after the first.
        bytes: Memory after all.
        failed: How many calls were not greeted.
    """

    first_calls: int
    calls: int
    first_bytes: int
    bytes: int
    failed: int

    @property
    def growth(self) -> float:
        """How much more it was after all, as a share of what it was after the first."""
        return self.bytes / self.first_bytes - 1


async def short_calls(
    url: str, pid: int, transports: Sequence[TransportName], script: Script, calls: int
) -> Memory:
    """Make `calls` calls of the server `pid` at `url` that hang up once they are greeted."""
    numbers = itertools.count()
    failed = 0

    async def call(http: aiohttp.ClientSession) -> None:
        nonlocal failed
        number = next(numbers)
        transport = transports[number % len(transports)]
        caller = PacedCaller(
            script,
            sample_rate(transport),
            is_buffered=transport is TransportName.WEBSOCKET,
            generator=random.Random(number),  # noqa: S311 - pauses
        )
        connection = Connection(url, transport, caller, http)
        try:
            await connection.open()
            if not await _greeted(caller):
                failed += 1
        finally:
            await connection.close()

    async def make(count: int, http: aiohttp.ClientSession) -> int:
        places = asyncio.Semaphore(AT_ONCE)

        async def in_turn() -> None:
            async with places:
                await call(http)

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(in_turn())
        await asyncio.sleep(SETTLE_S)
        return process_figures(pid).resident_bytes

    first = max(1, round(calls * FIRST_PART))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        first_bytes = await make(first, http)
        all_bytes = await make(calls - first, http)
    return Memory(first, calls, first_bytes, all_bytes, failed)


async def _greeted(caller: PacedCaller) -> bool:
    for _ in range(round(_GREETED_TIMEOUT_S / _POLL_S)):
        if caller.first_word_at is not None:
            return True
        if caller.failure is not None:
            return False
        await asyncio.sleep(_POLL_S)
    return False
