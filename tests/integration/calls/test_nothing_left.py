"""One session can be erased with all it left, and nothing of what was said need be kept."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp
import pytest

from tests.resuming import PATIENCE_S, environment_of, introduce, remember, servers
from voice_agent.client import Call, TransportName
from voice_agent.storing import DATABASE_FILE
from voice_agent.testing.openai_server import OpenAIServer

pytestmark = pytest.mark.real_time

NAME = "Zaphod"


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


def rows_with(folder: Path, words: str) -> list[str]:
    """Return the tables in which some row has `words`."""
    with sqlite3.connect(folder / DATABASE_FILE) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        tables = [name for name in names if not name.startswith(("ix_", "sqlite_"))]
        found = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    database.close()
    return [name for name, rows in found.items() if words in str(rows)]


def files_of(folder: Path, session_id: str) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if session_id in str(path))


async def test_an_erased_session_leaves_nothing(openai: OpenAIServer, tmp_path: Path) -> None:
    environment = environment_of(openai, tmp_path, VOICE_AGENT_RECORDINGS="allowed")
    agent = tmp_path / "agents" / "frontdesk.yaml"
    agent.write_text(agent.read_text() + "recording: true\n")
    async with (
        servers(tmp_path, environment, 1) as (server,),
        aiohttp.ClientSession(server.url) as http,
    ):
        hook = {"url": "https://example.com/hook"}
        assert (await http.post("/v1/webhooks", json=hook)).status == 201
        call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        await introduce(call, NAME)
        session_id = str(call.session_id)
        path = f"/v1/sessions/{session_id}"
        await call.close()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                document = await (await http.get(path)).json()
                if document["state"] == "ended" and document["recordings"]:
                    break
                await asyncio.sleep(0.1)
        assert len(document["recordings"]) == 1
        assert {"turns", "session_events", "checkpoints"} <= set(rows_with(tmp_path, NAME))
        assert "webhook_deliveries" in rows_with(tmp_path, session_id)
        assert list(files_of(tmp_path, session_id))
        assert (await http.delete(path, params={"erase": "true"})).status == 204
        assert rows_with(tmp_path, session_id) == []
        assert rows_with(tmp_path, NAME) == []
        assert list(files_of(tmp_path, session_id)) == []
        assert (await http.get(path)).status == 404


async def test_what_was_said_is_kept_nowhere_when_it_is_not_to_be(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    environment = environment_of(
        openai, tmp_path, VOICE_AGENT_TRANSCRIPTS="discard", VOICE_AGENT_LOG_LEVEL="TRACE"
    )
    async with (
        servers(tmp_path, environment, 1, "--log-level", "TRACE") as (server,),
        aiohttp.ClientSession(server.url) as http,
    ):
        call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
        await call.connect()
        await introduce(call, NAME)
        path = f"/v1/sessions/{call.session_id}"
        await call.close()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                document = await (await http.get(path)).json()
                if document["state"] == "ended":
                    break
                await asyncio.sleep(0.1)
        assert [turn["text"] for turn in document["transcript"]] == [None] * 3
        assert NAME not in str(document)
    assert rows_with(tmp_path, NAME) == []
    assert NAME not in server.log
    assert "Nice to meet you" not in server.log
