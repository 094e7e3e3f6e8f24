"""What it costs a server's event loop to take a call: building the leg, and little else."""

import asyncio
from statistics import median
from typing import Final

import aiohttp

from voice_agent.bench.load.connections import Connection
from voice_agent.bench.load.monologue import Monologue
from voice_agent.bench.load.process_figures import process_figures
from voice_agent.client.signalling import TransportName
from voice_agent.client.speech import room_noise

WINDOW_S: Final = 1.0
"""From connecting until the leg surely runs."""
WARM_UP: Final = 1
"""Calls that do not count: the first of a process loads much that later ones do not."""
SETTLE_S: Final = 1.0
"""From a hang-up until the next call: what the server clears away is not the next call's."""


async def leg_cost(url: str, pid: int, calls: int) -> float | None:
    """Return the CPU time of the event loop of the server `pid` that a new leg takes, in seconds.

    Over WebSocket, whose handshake costs next to nothing, with an agent that says nothing by
    itself, to a caller who is silent: the first second of a call less the second one, in which
    the leg only runs. The median of `calls` calls; None when one could not be made.
    """
    costs = []
    async with aiohttp.ClientSession() as http:
        for _ in range(calls + WARM_UP):
            caller = Monologue(room_noise())
            connection = Connection(url, TransportName.WEBSOCKET, caller, http)
            before = process_figures(pid).loop_cpu_s
            try:
                await connection.open()
                await asyncio.sleep(WINDOW_S)
                built = process_figures(pid).loop_cpu_s
                await asyncio.sleep(WINDOW_S)
                ran = process_figures(pid).loop_cpu_s
            finally:
                await connection.close()
            if caller.failure is not None:
                return None
            costs.append((built - before) - (ran - built))
            await asyncio.sleep(SETTLE_S)
    return median(costs[WARM_UP:])
