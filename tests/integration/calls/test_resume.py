"""A call goes on when its server is killed, or is stopped and started again; real processes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.resuming import (
    PATIENCE_S,
    check_memory,
    come_back,
    environment_of,
    introduce,
    remember,
    servers,
)
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.core.process_ids import process_of
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.real_time

STARTED = re.compile(r"process (?P<name>p\d) \(pid (?P<pid>\d+)\) takes calls")


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


async def start_call(server: RunningServer) -> Call:
    call = Call(server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
    await call.connect()
    return call


async def shown(server: RunningServer, call: Call) -> dict[str, object]:
    assert call.invitation is not None
    headers = {"Authorization": f"Bearer {call.invitation.token}"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as http,
        http.get(f"/v1/sessions/{call.session_id}") as response,
    ):
        document: dict[str, object] = await response.json()
        return document


@pytest.mark.parametrize("store", ["postgresql", "redis"])
async def test_a_call_goes_on_at_another_server_when_its_own_is_killed(
    openai: OpenAIServer, tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    setting = {"redis": "VOICE_AGENT_REDIS_URL", "postgresql": "VOICE_AGENT_DATABASE_URL"}[store]
    more = {setting: request.getfixturevalue(f"{store}_url")}
    async with servers(tmp_path, environment_of(openai, tmp_path, **more), 2) as (first, second):
        call = await start_call(first)
        await introduce(call, "Ada")
        assert call.invitation is not None
        await asyncio.to_thread(first.kill)
        killed_at = time.monotonic()
        await call.close()
        again = await come_back(call.invitation, second.url)
        gap_s = time.monotonic() - killed_at
        assert await check_memory(again, "Ada")
        assert gap_s < PATIENCE_S / 3
        document = await shown(second, again)
        await again.close()
        said = [turn["text"] for turn in document["transcript"]]  # type: ignore[attr-defined]
        assert said[1:] == [
            "My name is Ada.",
            "Nice to meet you.",
            "What is my name?",
            "Your name is Ada.",
        ]
        assert document["legs"] == 2
        numbers = [entry["number"] for entry in document["timeline"]]  # type: ignore[attr-defined]
        assert numbers == sorted(set(numbers))


async def test_a_sentence_that_was_cut_is_taken_up_again(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 2) as (first, second):
        call = await start_call(first)
        await greeting(call, PATIENCE_S)
        await call.type_text("Tell me the story.")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if "number 2" in str((await shown(first, call))["transcript"]):
                    break
                await asyncio.sleep(0.05)
        assert call.invitation is not None
        await asyncio.to_thread(first.kill)
        await call.close()
        again = await come_back(call.invitation, second.url)
        await again.until(
            lambda: "number 8" in " ".join(line.text for line in again.transcript) or None,
            PATIENCE_S,
            "the end of the story",
        )
        heard = " ".join(line.text for line in again.transcript)
        assert "Hello" not in heard
        first_number = int(re.findall(r"number (\d)", heard)[0])
        assert first_number in (2, 3, 4), heard
        assert re.findall(r"number (\d)", heard) == [str(n) for n in range(first_number, 9)]
        await again.close()


async def test_a_killed_process_is_replaced_and_its_calls_go_on(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    environment = environment_of(openai, tmp_path)
    async with servers(tmp_path, environment, 1, "--workers", "2") as (server,):
        calls = [await start_call(server) for _ in range(2)]
        for number, call in enumerate(calls):
            await introduce(call, f"Ada{number}")
        pids = {
            match["name"]: int(match["pid"]) for match in map(STARTED.search, server.lines) if match
        }
        owner = process_of(str(calls[0].session_id))
        psutil.Process(pids[str(owner)]).kill()
        for number, call in enumerate(calls):
            assert call.invitation is not None
            if process_of(str(call.session_id)) == owner:
                await call.close()
                call = await come_back(call.invitation, server.url)
                assert await check_memory(call, f"Ada{number}")
            else:
                answer = await ask_in_writing(call, "What is my name?", PATIENCE_S)
                assert f"Ada{number}" in answer.text
            await call.close()


async def test_a_paused_owner_overwrites_nothing(openai: OpenAIServer, tmp_path: Path) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 2) as (first, second):
        call = await start_call(first)
        await introduce(call, "Ada")
        assert call.invitation is not None
        paused = psutil.Process(first.process.pid)
        paused.suspend()
        try:
            again = await come_back(call.invitation, second.url)
            assert await check_memory(again, "Ada")
        finally:
            paused.resume()
        await asyncio.to_thread(
            first.wait_for_log,
            lambda: "no longer ours" in first.log,
            "the paused owner to see that it lost the session",
            PATIENCE_S * 2,
        )
        answer = await ask_in_writing(again, "What is my name?", PATIENCE_S)
        assert "Ada" in answer.text
        document = await shown(second, again)
        assert document["state"] == "connected"
        said = [turn["text"] for turn in document["transcript"]]  # type: ignore[attr-defined]
        assert said.count("Your name is Ada.") == 2
        await again.close()
        await call.close()
