"""The command: `python -m voice_agent.bench`, one measurement each."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from loguru import logger

from voice_agent.bench import reports, storage_cost
from voice_agent.bench.answers import BOTH, Caller, ask_questions
from voice_agent.bench.callers import FLITE_VOICES, QUESTIONS, write_storyteller
from voice_agent.bench.churn import Churn, churn
from voice_agent.bench.crowd import Crowd, call_together
from voice_agent.bench.figures import as_json
from voice_agent.bench.idle_connections import connect_and_say_nothing, connect_and_stay_silent
from voice_agent.bench.interruptions import Interruptions, interrupt
from voice_agent.bench.storage_cost import StorageCost
from voice_agent.bot.agents import agents_directory
from voice_agent.client import TransportName
from voice_agent.testing.running_server import RunningServer, serving

bench = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]


@contextmanager
def bench_server(**settings: str) -> Iterator[RunningServer]:
    """Serve the shipped agents and the storyteller, with a probe.

    Args:
        settings: Settings by the names of their variables, without the prefix.
    """
    logger.remove()
    with tempfile.TemporaryDirectory() as folder:
        agents = Path(folder) / "agents"
        shutil.copytree(agents_directory(), agents)
        write_storyteller(agents)
        environment = {f"VOICE_AGENT_{name}": value for name, value in settings.items()}
        environment["VOICE_AGENT_AGENTS_DIR"] = str(agents)
        with serving(Path(folder), environment=environment, probed=True) as server:
            yield server


@bench.command("churn")
def churn_command(
    calls: int = 200, at_once: int = 8, *, warm_up: int = 16, as_json: AsJson = False
) -> None:
    """Make many calls, half of them cut off; show what is left in the server."""

    async def measure() -> Churn:
        return await churn(
            server,
            calls=calls,
            at_once=at_once,
            count_at=(warm_up, calls // 2),
            progress=lambda line: typer.echo(line, err=True),
        )

    with bench_server(RESUME_WINDOW="2", MAX_SESSIONS="200") as server:
        result = asyncio.run(measure())
    _show(reports.churn_table(result), result, as_json)


@bench.command("idle")
def idle_command(
    connections: int = 1000, quiet_calls: int = 20, *, as_json: AsJson = False
) -> None:
    """Open connections that never speak; show what they cost."""

    async def measure() -> dict[str, Any]:
        return {
            "connections that send nothing": await connect_and_say_nothing(server, connections),
            **{
                f"calls that stay silent, {transport}": await connect_and_stay_silent(
                    server, quiet_calls, transport, 5.0
                )
                for transport in BOTH
            },
        }

    with bench_server(MAX_SESSIONS=str(connections + quiet_calls)) as server:
        result = asyncio.run(measure())
    _show(reports.idle_table(result), result, as_json)


@bench.command("crowd")
def crowd_command(calls: int = 10, questions: int = 3, *, as_json: AsJson = False) -> None:
    """Let many call at once; show how long the event loop was held, and the latencies."""

    async def measure() -> Crowd:
        await ask_questions(server.url, [Caller(kind, "awb", QUESTIONS[:1]) for kind in BOTH])
        return await call_together(server, calls, questions=QUESTIONS[:questions])

    with bench_server() as server:
        result = asyncio.run(measure())
    _show(reports.crowd_table(result), result, as_json)


@bench.command("barge-in")
def barge_in_command(times: int = 20, *, as_json: AsJson = False) -> None:
    """Speak over the agent; show how fast it falls silent."""

    async def measure() -> dict[TransportName, Interruptions]:
        return {
            transport: await interrupt(server.url, transport, times=times, voices=FLITE_VOICES)
            for transport in BOTH
        }

    with bench_server() as server:
        result = asyncio.run(measure())
    _show(reports.interruptions_table(result.values()), result, as_json)


@bench.command("answers")
def answers_command(
    rounds: int = 2,
    at_once: int = 1,
    *,
    voices: str = ",".join(FLITE_VOICES),
    as_json: AsJson = False,
) -> None:
    """Ask questions over both transports; show how long answers take."""
    callers = [
        Caller(transport, voice)
        for _ in range(rounds)
        for voice in voices.split(",")
        for transport in BOTH
    ]
    with bench_server() as server:
        result = asyncio.run(ask_questions(server.url, callers, at_once=at_once))
    _show(reports.answers_table(result), result, as_json)


@bench.command("storage")
def storage_command(
    calls: int = 8,
    turns: int = 8,
    *,
    database_url: str = "",
    redis_url: str | None = None,
    as_json: AsJson = False,
) -> None:
    """Hold calls without, with, without and with storage; show what it costs a turn."""
    logger.remove()
    kept = f"with {'PostgreSQL' if database_url else 'SQLite'}{' and Redis' if redis_url else ''}"

    async def measure() -> list[StorageCost]:
        passes: list[tuple[str, str | None]] = [("warm-up", None)]
        passes += [("without storage", None), (kept, database_url)] * 2
        passes.append(("without storage", None))
        costs = [
            await storage_cost.measure(
                name, place, redis_url if place is not None else None, calls=calls, turns=turns
            )
            for name, place in passes
        ]
        return costs[1:]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure())
    _show(storage_cost.table(result), result, as_json)


def _show(table: str, result: Any, wants_json: bool) -> None:
    if isinstance(result, Mapping):
        result = {str(key): value for key, value in result.items()}
    typer.echo(as_json(result) if wants_json else table)


if __name__ == "__main__":
    bench()
