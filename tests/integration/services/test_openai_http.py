"""The shared HTTP client against a server that counts connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from voice_agent.services import openai_http
from voice_agent.services.openai_http import HTTP_CLIENT, SharedHttpClient

ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Counter:
    """What came in so far."""

    base_url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_requests(self, count: int) -> None:
        async with asyncio.timeout(10), self.came:
            await self.came.wait_for(lambda: len(self.requests) >= count)


@asynccontextmanager
async def counting_server() -> AsyncIterator[Counter]:
    counter = Counter()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counter.connections += 1
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
                async with counter.came:
                    counter.requests.append(request)
                    counter.came.notify_all()
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        counter.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield counter


@pytest.fixture
async def client() -> AsyncIterator[SharedHttpClient]:
    client = await HTTP_CLIENT.create()
    yield client
    await HTTP_CLIENT.close(client)


async def opened(client: SharedHttpClient) -> None:
    await asyncio.gather(*client._opening)


async def test_the_first_requests_find_open_connections(client: SharedHttpClient) -> None:
    async with counting_server() as server:
        client.open_ahead(server.base_url)
        await opened(client)
        assert server.connections == 2
        await asyncio.gather(*(client.get(server.base_url) for _ in range(2)))
        assert server.connections == 2
        assert len(server.requests) == 4


async def test_many_calls_at_once_open_no_more_and_no_key_is_sent(
    client: SharedHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    async with counting_server() as server:
        for _ in range(100):
            client.open_ahead(server.base_url)
        await opened(client)
        assert len(server.requests) == 2
        assert not [r for r in server.requests if b"authorization" in r.lower()]


async def test_they_are_opened_again_after_a_while(
    client: SharedHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counting_server() as server:
        client.open_ahead(server.base_url)
        await server.until_requests(2)
        monkeypatch.setattr(openai_http, "_OPEN_AGAIN_S", 0.0)
        client.open_ahead(server.base_url)
        await server.until_requests(4)


async def test_a_server_that_is_not_there_harms_nothing(client: SharedHttpClient) -> None:
    client.open_ahead("http://127.0.0.1:9/v1")
    await opened(client)


async def test_closing_ends_what_is_being_opened() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    before = asyncio.all_tasks()
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        client = await HTTP_CLIENT.create()
        client.open_ahead(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        await HTTP_CLIENT.close(client)
        left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert "opening a connection" not in left
