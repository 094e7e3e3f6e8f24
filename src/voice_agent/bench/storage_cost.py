"""What keeping sessions costs a turn: calls of scripted providers without, with, without storage.

Everything but the network and the models is real: sessions, pipelines, checkpoints, the archive.
"""

import asyncio
import functools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from voice_agent.core.agent import Agent
from voice_agent.core.events import Event, LatencyMeasured
from voice_agent.core.session import Checkpoint
from voice_agent.core.session_journal import NoJournal, SessionJournal
from voice_agent.core.session_store import Claim, SessionStore
from voice_agent.storage.archive_writer import ArchiveWriter
from voice_agent.storage.database import Database, database_url, sqlite_url
from voice_agent.storage.memory_session_store import MemorySessionStore
from voice_agent.storage.redis_session_store import RedisSessionStore
from voice_agent.storage.session_archive import SessionArchive
from voice_agent.storage.sql_session_store import SqlSessionStore
from voice_agent.testing.harness import ConversationHarness

ResultT = TypeVar("ResultT")

QUESTION: Final = "When are you open?"
ANSWER: Final = "We are open from nine to six. On Saturday we close at noon."
_AGENT: Final = Agent(id="bench", name="Bench", greeting="Hello.")


@dataclass(frozen=True)
class StorageCost:
    """One pass; times in seconds.

    Attributes:
        name: Where sessions were kept.
        turns: How many questions were answered.
        loop_cpu_s: Processor time that storage took of the event loop's thread, for each turn.
        latencies_s: From the end of speech to the first audio, of each answer.
    """

    name: str
    turns: int
    loop_cpu_s: float
    latencies_s: Sequence[float]

    @property
    def median_s(self) -> float:
        """The middle latency."""
        return statistics.median(self.latencies_s)

    @property
    def p95_s(self) -> float:
        """The latency that 95 of 100 answers do not exceed."""
        return sorted(self.latencies_s)[int(len(self.latencies_s) * 0.95)]


class _Stopwatch:
    """Adds up what coroutines take of the processor between their waits, in this thread."""

    def __init__(self) -> None:
        self.used_s = 0.0

    def call(self, work: Callable[[], ResultT]) -> ResultT:
        """Return what `work` returns, and count it."""
        began = time.thread_time()
        try:
            return work()
        finally:
            self.used_s += time.thread_time() - began

    def awaited(self, work: Coroutine[Any, Any, ResultT]) -> Awaitable[ResultT]:
        """Return `work`, counted step by step."""
        return _Counted(work, self)


class _Counted(Awaitable[ResultT]):
    def __init__(self, work: Coroutine[Any, Any, ResultT], stopwatch: _Stopwatch) -> None:
        self._work = work
        self._stopwatch = stopwatch

    def __await__(self) -> Generator[Any, Any, ResultT]:
        sent: Any = None
        while True:
            try:
                waits_for = self._stopwatch.call(functools.partial(self._work.send, sent))
            except StopIteration as done:
                result: ResultT = done.value
                return result
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it belongs to the coroutine
                try:
                    waits_for = self._work.throw(error)
                except StopIteration as done:
                    result = done.value
                    return result
                sent = yield waits_for


class _TimedWriter(ArchiveWriter):
    def __init__(self, archive: SessionArchive, stopwatch: _Stopwatch) -> None:
        super().__init__(archive)
        self._stopwatch = stopwatch

    def note(self, checkpoint: Checkpoint, epoch: int, event: Event) -> None:
        self._stopwatch.call(lambda: super(_TimedWriter, self).note(checkpoint, epoch, event))

    async def _write(self) -> bool:
        return await self._stopwatch.awaited(super()._write())


class _TimedSqlStore(SqlSessionStore):
    def __init__(self, database: Database, stopwatch: _Stopwatch) -> None:
        super().__init__(database)
        self._stopwatch = stopwatch

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        await self._stopwatch.awaited(super().checkpoint(claim, checkpoint))


class _TimedRedisStore(RedisSessionStore):
    def __init__(self, url: str, stopwatch: _Stopwatch) -> None:
        super().__init__(url)
        self._stopwatch = stopwatch

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        await self._stopwatch.awaited(super().checkpoint(claim, checkpoint))


@asynccontextmanager
async def _kept(
    database_at: str | None, redis_at: str | None, folder: Path, stopwatch: _Stopwatch
) -> AsyncIterator[tuple[SessionStore, SessionJournal]]:
    if database_at is None:
        yield MemorySessionStore(), NoJournal()
        return
    url = sqlite_url(folder / "voice-agent.db") if not database_at else database_url(database_at)
    database = Database(url)
    await database.prepare()
    writer = _TimedWriter(SessionArchive(database), stopwatch)
    writer.start()
    redis = _TimedRedisStore(redis_at, stopwatch) if redis_at else None
    yield redis or _TimedSqlStore(database, stopwatch), writer
    await writer.close()
    if redis is not None:
        await redis.close()
    await database.close()


async def measure(
    name: str, database_at: str | None, redis_at: str | None, *, calls: int, turns: int
) -> StorageCost:
    """Hold `calls` calls at once of `turns` questions each, and return what that took.

    Args:
        name: For the table.
        database_at: The database's address, "" for an SQLite of its own, None for no storage.
        redis_at: The address of a Redis for the store of sessions.
        calls: Calls at once.
        turns: Questions of each.
    """
    stopwatch = _Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            _kept(database_at, redis_at, Path(folder), stopwatch) as (store, journal),
            ConversationHarness(
                _AGENT, replies={"open": ANSWER}, store=store, journal=journal
            ) as harness,
        ):
            clients = await asyncio.gather(*(harness.call() for _ in range(calls)))
            await asyncio.gather(*(client.agent_finishes("Hello.") for client in clients))
            before_s = stopwatch.used_s
            for _ in range(turns):
                await asyncio.gather(*(client.say(QUESTION) for client in clients))
                await asyncio.gather(*(client.agent_finishes(ANSWER) for client in clients))
            used_s = stopwatch.used_s - before_s
            latencies = [each.total_s for each in harness.payloads(LatencyMeasured)]
    return StorageCost(name, calls * turns, used_s / (calls * turns), latencies)


def table(costs: Sequence[StorageCost]) -> str:
    """Return the costs for people to read."""
    lines = [f"{'':24}{'loop CPU a turn':>18}{'latency median':>18}{'p95':>12}{'turns':>8}"]
    lines += [
        f"{each.name:24}{each.loop_cpu_s * 1000:>15.2f} ms{each.median_s * 1000:>15.0f} ms"
        f"{each.p95_s * 1000:>9.0f} ms{each.turns:>8}"
        for each in costs
    ]
    return "\n".join(lines)
