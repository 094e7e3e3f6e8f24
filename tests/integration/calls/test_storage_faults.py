"""A database or a Redis that fails in the middle of calls: these go on, and nothing is lost."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg  # type: ignore[import-untyped]
import psutil
import pytest

from tests.databases import RedisServer
from tests.resuming import (
    PATIENCE_S,
    check_memory,
    come_back,
    environment_of,
    introduce,
    remember,
    servers,
)
from voice_agent.client import Call, TransportName, ask_in_writing
from voice_agent.core.errors import SessionNotFoundError
from voice_agent.storage.redis_session_store import RedisSessionStore
from voice_agent.storing import DATABASE_FILE
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.real_time


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


@asynccontextmanager
async def locked(folder: Path, server: RunningServer, url: str) -> AsyncIterator[None]:
    """Another program holds SQLite's lock."""
    other = sqlite3.connect(folder / DATABASE_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@asynccontextmanager
async def full(folder: Path, server: RunningServer, url: str) -> AsyncIterator[None]:
    """The files of the server may not grow, as on a full disk."""
    process = psutil.Process(server.process.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (1, before[1]))
    yield
    process.rlimit(psutil.RLIMIT_FSIZE, before)


@asynccontextmanager
async def gone(folder: Path, server: RunningServer, url: str) -> AsyncIterator[None]:
    """PostgreSQL takes no connections and has cut those there were."""
    place, _, name = url.rpartition("/")
    superuser = await asyncpg.connect(f"{place}/postgres")
    await superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
    await superuser.execute(query, name)
    yield
    await superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await superuser.close()


FAULTS = {"locked": locked, "full": full, "gone": gone}


async def shown(server: RunningServer, call: Call) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.get(f"/v1/sessions/{call.session_id}") as response,
    ):
        document: dict[str, Any] = await response.json()
        return document


async def refused(server: RunningServer) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post("/v1/sessions", json={}) as response,
    ):
        return response.status, (await response.json()).get("code", "")


async def until_kept(server: RunningServer, call: Call, words: str) -> list[str]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            document = await shown(server, call)
            said = [turn["text"] for turn in document.get("transcript", ())]
            if words in said:
                return said
            await asyncio.sleep(0.1)


async def until_in_redis(redis: RedisServer, session_id: str, words: str) -> None:
    store = RedisSessionStore(redis.url)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(SessionNotFoundError):
                turns = (await store.load(session_id)).conversation.turns
                if words in [turn.text for turn in turns]:
                    break
            await asyncio.sleep(0.1)
    await store.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_calls_go_on_without_a_database(
    openai: OpenAIServer, tmp_path: Path, fault: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql_url") if fault == "gone" else ""
    more = {"VOICE_AGENT_DATABASE_URL": url} if url else {}
    async with servers(tmp_path, environment_of(openai, tmp_path, **more), 1) as (server,):
        call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        await introduce(call, "Ada")
        async with FAULTS[fault](tmp_path, server, url):
            answer = await ask_in_writing(call, "What is my name?", PATIENCE_S)
            assert "Ada" in answer.text
            assert await refused(server) == (503, "storage_unavailable")
            answer = await ask_in_writing(call, "What is my name again?", PATIENCE_S)
            assert answer.latency_s < PATIENCE_S
        said = await until_kept(server, call, "What is my name again?")
        assert said[1:5] == [
            "My name is Ada.",
            "Nice to meet you.",
            "What is my name?",
            "Your name is Ada.",
        ]
        assert (await refused(server))[0] == 201
        await call.close()
        assert "Traceback" not in server.log


async def test_calls_go_on_without_redis_and_it_gets_them_again(
    openai: OpenAIServer, tmp_path: Path, redis_server: RedisServer
) -> None:
    environment = environment_of(openai, tmp_path, VOICE_AGENT_REDIS_URL=redis_server.url)
    async with servers(tmp_path, environment, 2) as (first, second):
        call = Call(first.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        redis_server.kill()
        await introduce(call, "Ada")
        assert await refused(first) == (503, "storage_unavailable")
        redis_server.start()
        await asyncio.to_thread(
            first.wait_for_log, lambda: "could not be written" in first.log, "a failure", PATIENCE_S
        )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if (await refused(first))[0] == 201:
                    break
                await asyncio.sleep(0.1)
        assert call.invitation is not None
        await until_in_redis(redis_server, call.invitation.session_id, "Nice to meet you.")
        await asyncio.to_thread(first.kill)
        await call.close()
        again = await come_back(call.invitation, second.url)
        assert await check_memory(again, "Ada")
        await again.close()
