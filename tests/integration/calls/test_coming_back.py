"""A client whose connection, process or server is gone comes back by itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.databases import free_port
from tests.resuming import (
    GREETING,
    PATIENCE_S,
    environment_of,
    introduce,
    moved,
    remember,
    servers,
)
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.client.events import ConnectionLost, Disconnected, Reconnected
from voice_agent.client.signalling import Invitation
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(think=remember) as running:
        yield running


class Cable:
    """TCP between a client and a server, which can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.port = free_port()

    async def plug_in(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            self._writers.clear()
            self._server = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, onward]
        with contextlib.suppress(OSError):
            await asyncio.gather(_pump(reader, onward), _pump(there, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    target.close()


async def back(call: Call) -> Reconnected:
    return await call.wait_for(Reconnected, PATIENCE_S, after=0)


async def check(call: Call) -> None:
    answer = await ask_in_writing(call, "What is my name?", PATIENCE_S)
    assert "Your name is Ada" in answer.text
    assert sum(GREETING in line.text for line in call.transcript) == 1


async def invited(url: str) -> Invitation:
    call = Call(url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S)
    await call.connect()
    await call.abort()
    await call.close()
    assert call.invitation is not None
    return call.invitation


async def test_a_cable_that_was_cut_costs_nothing_but_time(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 1) as (server,):
        cable = Cable(server.port)
        await cable.plug_in()
        place = f"http://localhost:{cable.port}"
        async with Call(
            place,
            transport=TransportName.WEBSOCKET,
            timeout_s=PATIENCE_S,
            invitation=moved(await invited(server.url), place),
            reconnect_s=PATIENCE_S,
        ) as call:
            await introduce(call, "Ada")
            await cable.cut()
            lost = await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
            assert lost.close_code == 1006
            await asyncio.sleep(0.5)
            await cable.plug_in()
            again = await back(call)
            assert 0.4 < again.after_s < PATIENCE_S
            await check(call)
        await cable.cut()


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


async def test_a_session_that_was_ended_is_not_come_back_to(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 1) as (server,):
        for transport in TransportName:
            call = Call(
                server.url, transport=transport, timeout_s=PATIENCE_S, reconnect_s=PATIENCE_S
            )
            await call.connect()
            await greeting(call, PATIENCE_S)
            async with aiohttp.ClientSession() as http:
                url = f"{server.url.rstrip('/')}/v1/sessions/{call.session_id}"
                assert (await http.delete(url)).status == 204
            await call.wait_for(Disconnected, PATIENCE_S, after=0)
            assert not any(isinstance(event, ConnectionLost) for event in call.log)
            await call.close()


async def test_a_session_that_ended_meanwhile_ends_the_call(
    openai: OpenAIServer, tmp_path: Path
) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 1) as (server,):
        cable = Cable(server.port)
        await cable.plug_in()
        place = f"http://localhost:{cable.port}"
        call = Call(
            place,
            transport=TransportName.WEBSOCKET,
            timeout_s=PATIENCE_S,
            invitation=moved(await invited(server.url), place),
            reconnect_s=PATIENCE_S * 10,
        )
        await call.connect()
        await cable.cut()
        await call.wait_for(ConnectionLost, PATIENCE_S, after=0)
        async with aiohttp.ClientSession() as http:
            url = f"{server.url.rstrip('/')}/v1/sessions/{call.session_id}"
            assert (await http.delete(url)).status == 204
        await cable.plug_in()
        await call.wait_for(Disconnected, PATIENCE_S, after=0)
        await call.close()
        await cable.cut()


async def test_a_server_that_stays_away_is_given_up(openai: OpenAIServer, tmp_path: Path) -> None:
    async with servers(tmp_path, environment_of(openai, tmp_path), 1) as (server,):
        call = Call(
            server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S, reconnect_s=1.0
        )
        await call.connect()
        await asyncio.to_thread(server.kill)
        ended = await call.wait_for(Disconnected, PATIENCE_S, after=0)
        assert ended.close_code == 1006
        before = asyncio.all_tasks()
        await call.close()
        assert not [task for task in before if "coming back" in task.get_name()]
