"""What a bare connection costs that only echoes: what no server of calls can go below."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from voice_agent.bench.load.connections import Connection
from voice_agent.bench.load.monologue import Monologue
from voice_agent.bench.load.pacing import GeneratorFigures
from voice_agent.bench.load.process_figures import process_figures
from voice_agent.bench.load.quality import slope
from voice_agent.client.signalling import TransportName
from voice_agent.client.speech import PACKET_S, Speech

FEW: Final = 2
MANY: Final = 10
CAME_BACK: Final = 0.9
"""The share of packets that must come back."""
SETTLE_S: Final = 1.0


@dataclass(frozen=True)
class Floor:
    """A bare connection.

    Attributes:
        transport: Which.
        cpu_a_connection: What one more takes of a core; None when the figures do not count.
        why_not: Why they do not.
    """

    transport: TransportName
    cpu_a_connection: float | None
    why_not: str | None = None


async def floor(
    url: str, pid: int, transport: TransportName, speech: Speech, seconds: float
) -> Floor:
    """Return what one more connection to the echo server `pid` at `url` costs it."""
    callers: list[Monologue] = []
    connections: list[Connection] = []
    points: list[tuple[float, float]] = []
    lateness: list[float] = []
    shares: list[float] = []
    own, began = time.process_time(), time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        try:
            for count in (FEW, MANY):
                while len(connections) < count:
                    callers.append(Monologue(speech))
                    connections.append(Connection(url, transport, callers[-1], http))
                    await connections[-1].open()
                await asyncio.sleep(SETTLE_S)
                for caller in callers:
                    caller.pacing.take()
                before = sum(caller.received for caller in callers)
                points.append((count, await _cpu(pid, seconds)))
                received = sum(caller.received for caller in callers) - before
                shares.append(received * PACKET_S / (seconds * count))
                lateness += [late_s for caller in callers for late_s in caller.pacing.take()]
        finally:
            await asyncio.gather(*(connection.close() for connection in connections))
    failed = next((caller.failure for caller in callers if caller.failure), None)
    came_back = min(shares)
    silent = None if came_back > CAME_BACK else f"only {came_back:.0%} of the packets came back"
    generator = GeneratorFigures.of(
        lateness, (time.process_time() - own) / (time.monotonic() - began)
    )
    why_not = failed or silent or generator.why_not()
    return Floor(transport, None if why_not else slope(points), why_not)


async def _cpu(pid: int, seconds: float) -> float:
    before, began = process_figures(pid), time.monotonic()
    await asyncio.sleep(seconds)
    after = process_figures(pid)
    return (after.cpu_s - before.cpu_s) / (time.monotonic() - began)
