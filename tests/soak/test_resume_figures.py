"""Kills and stops, many times each: who comes back, how soon, and what was lost."""

import asyncio
import functools
import itertools
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import aiohttp
import psutil
import pytest

from tests.resuming import (
    PATIENCE_S,
    Return,
    check_memory,
    come_back,
    environment_of,
    introduce,
    remember,
)
from voice_agent.client import Call, TransportName
from voice_agent.storage.database import Database, sqlite_url
from voice_agent.storage.session_archive import SessionArchive
from voice_agent.storing import DATABASE_FILE
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.soak

TIMES = 20
ANOTHER_LIVES_S, RESTARTED_S = 1.0, 5.0
CALLS_AT_ONCE = 4
_STARTED = re.compile(r"process (?P<name>p\d) \(pid (?P<pid>\d+)\) takes calls")


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


class Servers:
    """Servers that share a data directory; the first of them takes the next call."""

    def __init__(self, folder: Path, environment: dict[str, str], *options: str) -> None:
        self._folder = folder
        self._environment = environment
        self._options = options
        self._stack = AsyncExitStack()
        self.running: list[RunningServer] = []

    async def start(self) -> RunningServer:
        manager = serving(self._folder, *self._options, environment=self._environment)
        server = await asyncio.to_thread(manager.__enter__)
        self._stack.push_async_callback(asyncio.to_thread, manager.__exit__, None, None, None)
        self.running.append(server)
        return server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def introduced(server: RunningServer, name: str) -> Call:
    call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
    await call.connect()
    await introduce(call, name)
    return call


async def returned(call: Call, url: str, name: str, killed_at: float) -> Return:
    assert call.invitation is not None
    await call.close()
    again = await come_back(call.invitation, url)
    gap_s = time.monotonic() - killed_at
    is_known = await check_memory(again, name)
    await again.close()
    return Return(gap_s, is_known)


def _have_started(server: RunningServer, count: int) -> bool:
    return len(_STARTED.findall(server.log)) >= count


def told(what: str, returns: Sequence[Return]) -> float:
    gaps = sorted(each.gap_s for each in returns)
    known = sum(each.is_known for each in returns)
    median = statistics.median(gaps)
    print(
        f"\n{what}: {known} of {len(returns)} resumed with context; until media flowed again: "
        f"median {median:.2f} s, {gaps[0]:.2f} to {gaps[-1]:.2f} s"
    )
    return median


@pytest.mark.parametrize("store", ["redis", "sqlite", "postgresql"])
async def test_another_process_goes_on_at_once(
    openai: OpenAIServer, tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    more = {}
    if store == "redis":
        more["VOICE_AGENT_REDIS_URL"] = request.getfixturevalue("redis_url")
    if store == "postgresql":
        more["VOICE_AGENT_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    returns = []
    async with Servers(tmp_path, environment_of(openai, tmp_path, **more)) as servers:
        await servers.start()
        for number in range(TIMES):
            first, second = servers.running[-1], await servers.start()
            call = await introduced(first, f"Ada{number}")
            killed_at = time.monotonic()
            await asyncio.to_thread(first.kill)
            returns.append(await returned(call, second.url, f"Ada{number}", killed_at))
    median = told(f"two processes, {store}", returns)
    assert all(each.is_known for each in returns)
    assert median < ANOTHER_LIVES_S


async def test_a_process_that_is_restarted_goes_on(openai: OpenAIServer, tmp_path: Path) -> None:
    returns = []
    environment = environment_of(openai, tmp_path)
    async with Servers(tmp_path, environment, "--workers", "2") as servers:
        server = await servers.start()
        for number in range(TIMES):
            call = await introduced(server, f"Ada{number}")
            found = (_STARTED.search(line) for line in list(server.lines))
            pids = {match["name"]: int(match["pid"]) for match in found if match}
            killed_at = time.monotonic()
            for pid in pids.values():
                psutil.Process(pid).kill()
            returns.append(await returned(call, server.url, f"Ada{number}", killed_at))
            await asyncio.to_thread(
                server.wait_for_log,
                functools.partial(_have_started, server, 2 * (number + 2)),
                "both processes to be back",
                PATIENCE_S,
            )
    median = told("all processes killed, restarted by the supervisor", returns)
    assert all(each.is_known for each in returns)
    assert median < RESTARTED_S


async def test_a_graceful_stop_loses_no_turn(openai: OpenAIServer, tmp_path: Path) -> None:
    environment = environment_of(openai, tmp_path)
    turns, lost = 0, []
    for _ in range(TIMES):
        async with Servers(tmp_path, environment) as servers:
            server = await servers.start()
            calls = await asyncio.gather(
                *(introduced(server, f"Ada{number}") for number in range(CALLS_AT_ONCE))
            )
            # While the agent speaks on: of this turn what was heard is kept.
            for call in calls:
                await call.type_text("Tell me the story.")
            await asyncio.sleep(1.0)
            assert await asyncio.to_thread(server.stop) == 0
            for call in calls:
                await call.close()
        kept = await _kept_turns(tmp_path, [str(call.session_id) for call in calls])
        for number, texts in enumerate(kept):
            expected = [f"My name is Ada{number}.", "Nice to meet you.", "Tell me the story."]
            turns += len(expected)
            lost += [text for text in expected if text not in texts]
    print(f"\n{TIMES} graceful stops with {CALLS_AT_ONCE} calls: {len(lost)} of {turns} turns lost")
    assert lost == []


async def _kept_turns(folder: Path, session_ids: Sequence[str]) -> list[list[str | None]]:
    database = Database(sqlite_url(folder / DATABASE_FILE))
    archive = SessionArchive(database)
    kept = [await archive.read(session_id) for session_id in session_ids]
    await database.close()
    return [[turn.text for turn in turns] for _, turns in kept]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_sessions_begin_fast(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest, openai: OpenAIServer
) -> None:

    more = {"VOICE_AGENT_MAX_SESSIONS": "100000", "VOICE_AGENT_LOG_LEVEL": "WARNING"}
    if kind == "postgresql":
        more["VOICE_AGENT_DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    async with Servers(tmp_path, environment_of(openai, tmp_path, **more)) as servers:
        server = await servers.start()
        process = psutil.Process(server.process.pid)
        began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
        numbers = itertools.count()
        async with aiohttp.ClientSession(server.url) as http:

            async def create() -> None:
                while next(numbers) < 1000:
                    async with http.post("/v1/sessions", json={}) as response:
                        assert response.status == 201

            await asyncio.gather(*(create() for _ in range(8)))
        elapsed = time.monotonic() - began
        used = sum(process.cpu_times()[:2]) - cpu
    print(
        f"\n{kind}: 1000 sessions in {elapsed:.1f} s, {1000 / elapsed:.0f} a second; "
        f"{used:.2f} s of CPU, so {1000 / used:.0f} a second on a whole core"
    )
