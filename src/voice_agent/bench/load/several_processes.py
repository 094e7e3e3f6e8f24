"""What calls cost with several processes, against one, and how evenly they are placed."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

import aiohttp

from voice_agent.bench.load.crowd import LoadCrowd
from voice_agent.bench.load.paced_caller import Script
from voice_agent.bench.load.process_figures import process_figures
from voice_agent.client.signalling import TransportName
from voice_agent.core.process_ids import process_of

CALLS: Final = 8
IDLE_S: Final = 5.0
"""How long is measured what the processes take without a call."""


@dataclass(frozen=True)
class Placed:
    """Calls that talked at once.

    Attributes:
        cpu_a_call: What each took of a core, less what the processes take without any.
        calls: How many each process had, the most first.
        failures: Why calls failed.
    """

    cpu_a_call: float
    calls: tuple[int, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class SeveralProcesses:
    """The same calls with one process and with several."""

    transport: TransportName
    processes: int
    one: Placed
    several: Placed

    @property
    def ratio(self) -> float:
        """What a call costs with several processes, to what it costs with one."""
        return self.several.cpu_a_call / self.one.cpu_a_call


async def placed_calls(
    url: str, pid: int, transport: TransportName, script: Script, *, seconds: float, seed: int
) -> Placed:
    """Let `CALLS` people call the server at `url` at once, and return what that came to.

    Args:
        url: The server's address.
        pid: Its first process, whose children are the others.
        transport: How they connect.
        script: What is said.
        seconds: For how long they are measured.
        seed: For pauses and questions.
    """
    before = process_figures(pid)
    await asyncio.sleep(IDLE_S)
    idle = (process_figures(pid).cpu_s - before.cpu_s) / IDLE_S
    async with LoadCrowd(url, pid, transport, script, core=None, seed=seed) as crowd:
        await crowd.set_calls(CALLS)
        calls = await _calls_by_process(url)
        step = await crowd.measure(seconds)
    return Placed((step.cpu - idle) / CALLS, calls, step.failures)


async def _calls_by_process(url: str) -> tuple[int, ...]:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as http,
        http.get(f"{url}/v1/sessions") as response,
    ):
        sessions = (await response.json())["sessions"]
    connected = [each for each in sessions if each["state"] == "connected"]
    counted = Counter(process_of(each["session_id"]) for each in connected)
    return tuple(count for _, count in counted.most_common())
