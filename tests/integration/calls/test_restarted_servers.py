"""A client whose connection, process or server is gone comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.programs import free_port
from tests.resuming import (
    GREETING,
    PATIENCE_S,
    environment_of,
    introduce,
    remember,
    servers,
)
from voice_agent.client import Call, TransportName, ask_in_writing
from voice_agent.client.events import ConnectionLost, Reconnected
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


async def back(call: Call) -> Reconnected:
    return await call.wait_for(Reconnected, PATIENCE_S, after=0)


async def check(call: Call) -> None:
    answer = await ask_in_writing(call, "What is my name?", PATIENCE_S)
    assert "Your name is Ada" in answer.text
    assert sum(GREETING in line.text for line in call.transcript) == 1


@pytest.mark.parametrize(
    ("how", "transport"),
    [
        ("kill", TransportName.WEBRTC),
        ("kill", TransportName.WEBSOCKET),
        ("stop", TransportName.WEBRTC),
    ],
)
async def test_a_server_that_is_started_again_goes_on(
    openai: OpenAIServer, tmp_path: Path, transport: TransportName, how: str
) -> None:
    environment = environment_of(openai, tmp_path)
    port = str(free_port())
    manager = serving(tmp_path, "--port", port, environment=environment)
    server: RunningServer = await asyncio.to_thread(manager.__enter__)
    try:
        call = Call(
            server.url, transport=transport, timeout_s=PATIENCE_S, reconnect_s=PATIENCE_S * 2
        )
        await call.connect()
        await introduce(call, "Ada")
        await asyncio.to_thread(server.kill if how == "kill" else server.stop)
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
    async with servers(tmp_path, environment, 1, "--port", port):
        await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        await back(call)
        await check(call)
        await call.close()
