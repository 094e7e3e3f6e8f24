"""The whole benchmark: both servers, both transports, more and more calls until quality breaks."""

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

import uvloop

from voice_agent.bench.load.crowd import LoadCrowd
from voice_agent.bench.load.first_words import first_words
from voice_agent.bench.load.floor import Floor, floor
from voice_agent.bench.load.interrupts import INTERRUPTS
from voice_agent.bench.load.leg_cost import leg_cost
from voice_agent.bench.load.options import Options
from voice_agent.bench.load.paced_caller import Script
from voice_agent.bench.load.processes import (
    Cores,
    available_cores,
    running_on,
    share_out,
)
from voice_agent.bench.load.providers import GREETING, REPLY, spoken_s
from voice_agent.bench.load.questions import questions
from voice_agent.bench.load.ramp import next_calls
from voice_agent.bench.load.report import (
    floor_line,
    leg_line,
    memory_line,
    processes_line,
    step_line,
)
from voice_agent.bench.load.results import BenchResult, Run
from voice_agent.bench.load.servers import (
    ServerName,
    echo,
    fake_providers,
    server,
    several_processes,
)
from voice_agent.bench.load.several_processes import Placed, SeveralProcesses, placed_calls
from voice_agent.bench.load.short_calls import Memory, short_calls
from voice_agent.client.signalling import TransportName

FEW_CALLS_S: Final = 24.0
"""How long the fewest calls are measured at least: each asks every eight seconds or so."""
_CALL_SECONDS: Final = 96.0
"""Calls times seconds that make a dozen turns; less says little of a 95th percentile."""

Progress = Callable[[str], None]


class Bench:
    """Measures; everything that it starts has ended when `run` returns or raises."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._cores: Cores = share_out(available_cores())
        self._script = Script(questions(), spoken_s(GREETING), spoken_s(REPLY))

    def run(self) -> BenchResult:
        """Return the figures.

        Raises:
            StartFailedError: A server does not come up.
        """
        result = BenchResult(str(self._cores), machine())
        self._progress(f"{result.machine}; {result.cores}")
        with _environment(self._cores) as folder, fake_providers(self._cores, folder) as fake:
            for transport in self._options.transports:
                reference_s: float | None = None
                for name in sorted(self._options.servers, key=lambda each: each is ServerName.OURS):
                    run = self._run(name, transport, fake.url, folder, reference_s)
                    result.runs.append(run)
                    reference_s = run.reference_s
            if self._options.first_words:
                result.leg_costs = {
                    name: self._leg_cost(name, fake.url, folder) for name in self._options.servers
                }
            if self._options.floor:
                result.floors = self._floors(folder)
            if self._options.processes > 1:
                result.processes = self._processes(fake.url, folder)
            if self._options.short_calls:
                result.memory = self._memory(fake.url, folder)
        return result

    def _leg_cost(self, name: ServerName, base_url: str, folder: Path) -> float | None:
        with server(name, base_url, self._cores, folder, greeting="") as process:
            cost_s = uvloop.run(leg_cost(process.url, process.pid, self._options.first_words))
        self._progress(leg_line(name, cost_s))
        return cost_s

    def _floors(self, folder: Path) -> list[Floor]:
        found = []
        speech, seconds = self._script.questions[0], self._options.seconds / 2
        for transport in self._options.transports:
            with echo(self._cores, folder) as process:
                measuring = floor(process.url, process.pid, transport, speech, seconds)
                found.append(uvloop.run(measuring))
            self._progress(floor_line(found[-1]))
        return found

    def _processes(self, base_url: str, folder: Path) -> list[SeveralProcesses]:
        found, processes = [], self._options.processes
        for transport in self._options.transports:
            one = self._placed(1, transport, base_url, folder)
            several = self._placed(processes, transport, base_url, folder)
            found.append(SeveralProcesses(transport, processes, one, several))
            self._progress(processes_line(found[-1]))
        return found

    def _placed(
        self, processes: int, transport: TransportName, base_url: str, folder: Path
    ) -> Placed:
        options, script = self._options, self._script
        with several_processes(base_url, folder, processes) as process:
            calls = placed_calls(
                process.url,
                process.pid,
                transport,
                script,
                seconds=options.seconds,
                seed=options.seed,
            )
            return uvloop.run(calls)

    def _memory(self, base_url: str, folder: Path) -> Memory:
        with server(ServerName.OURS, base_url, self._cores, folder) as process:
            memory = uvloop.run(
                short_calls(
                    process.url,
                    process.pid,
                    self._options.transports,
                    self._script,
                    self._options.short_calls,
                )
            )
        self._progress(memory_line(memory))
        return memory

    def _run(
        self,
        name: ServerName,
        transport: TransportName,
        base_url: str,
        folder: Path,
        reference_s: float | None,
    ) -> Run:
        options, run = self._options, Run(name, transport, reference_s=reference_s)
        with server(name, base_url, self._cores, folder) as process:

            async def measure() -> None:
                async with LoadCrowd(
                    process.url,
                    process.pid,
                    transport,
                    self._script,
                    core=min(self._cores.server, default=None),
                    seed=options.seed,
                ) as crowd:
                    if options.first_words:
                        run.first_words = await first_words(crowd, process.pid, options.first_words)
                    await self._ramp(run, crowd)

            uvloop.run(measure())
        return run

    async def _ramp(self, run: Run, crowd: LoadCrowd) -> None:
        planned = iter(self._options.calls)
        while (calls := self._next(run, planned)) is not None:
            await crowd.set_calls(calls)
            step = await crowd.measure(self._seconds(calls))
            if run.reference_s is None and step.counts:
                run.reference_s = step.median_s
            run.ramp.steps.append(step)
            self._progress(step_line(run, step))

    def _seconds(self, calls: int) -> float:
        if self._options.calls:
            return self._options.seconds
        return max(self._options.seconds, min(FEW_CALLS_S, _CALL_SECONDS / calls))

    def _next(self, run: Run, planned: Iterator[int]) -> int | None:
        if self._options.calls:
            return next(planned, None)
        reference_s = 0.0 if run.reference_s is None else run.reference_s
        return next_calls(run.ramp, reference_s, self._options.max_calls)


def machine() -> str:
    """Return what all this runs on, in a few words."""
    versions = f"Python {platform.python_version()}, Pipecat {metadata.version('pipecat-ai')}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {versions}"


@contextmanager
def _environment(cores: Cores) -> Iterator[Path]:
    """A folder for what the servers write; this process away from the measured server's core."""
    with (
        tempfile.TemporaryDirectory() as folder,
        INTERRUPTS.ending(),
        running_on(cores.others),
    ):
        yield Path(folder)
