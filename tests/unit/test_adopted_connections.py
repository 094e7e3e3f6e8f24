"""uvicorn serves a connection that was accepted elsewhere, as if it had come to it.

This holds on to uvicorn's inside (`server.DrainingServer.adopt`): it fails when that changes.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from voice_agent.listening import listen
from voice_agent.server import CAME_FROM, CameFrom, DrainingServer, server_config

PATIENCE_S = 5.0
WEBSOCKET = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Site:
    """A server without a port, and what its application saw."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.server = DrainingServer(
            server_config(self, certificate=None, key=None), self._drain, stops_on=()
        )

    async def _drain(self) -> None:
        pass

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            message = await receive()
            await send({"type": "websocket.send", "bytes": message["bytes"]})
            await receive()
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def connect(
        self, received: bytes, **state: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a client of which the server was given what it `received`."""
        with listen("127.0.0.1", 0) as listener:
            client = asyncio.create_task(asyncio.open_connection(*listener.getsockname()))
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            connection.setblocking(False)
            await self.server.adopt(connection, received, state)
            return await client


def on_site(work: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    """Run `work` on the server's kind of event loop: its transports are not asyncio's."""

    async def run() -> None:
        site = Site()
        serving = asyncio.create_task(site.server.serve(sockets=[]))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await work(site)
        finally:
            site.server.stop(at_once=True)
            async with asyncio.timeout(PATIENCE_S):
                await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("split", [lambda n: n, lambda n: n // 2, lambda _: 60, lambda _: 10])
def test_a_request_is_answered_however_much_was_read(split: Callable[[int], int]) -> None:
    body = bytes(range(256)) * 400
    request = b"POST /x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    at = split(len(request))

    async def work(site: Site) -> None:
        reader, writer = await site.connect(request[:at], mark=7)
        writer.write(request[at:])
        answer = await reader.read()
        writer.close()
        assert answer.endswith(b"\r\n\r\n" + body)
        [scope] = site.scopes
        assert scope["state"]["mark"] == 7
        assert scope["client"] == writer.get_extra_info("sockname")
        assert scope["scheme"] == "http"

    on_site(work)


def test_a_websocket_is_carried() -> None:
    async def work(site: Site) -> None:
        reader, writer = await site.connect(WEBSOCKET, mark=8)
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\x83\x00\x00\x00\x00abc")
        assert await reader.readexactly(5) == b"\x82\x03abc"
        writer.close()
        [scope] = site.scopes
        assert scope["state"]["mark"] == 8
        assert scope["client"] == writer.get_extra_info("sockname")

    on_site(work)


@pytest.mark.parametrize(
    ("request_bytes", "scheme"),
    [(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "https"), (WEBSOCKET, "wss")],
)
def test_who_came_over_tls_keeps_his_address(request_bytes: bytes, scheme: str) -> None:
    came_from = CameFrom(("192.0.2.7", 5000), ("192.0.2.1", 443))

    async def work(site: Site) -> None:
        client, connection = socket.socketpair()
        connection.setblocking(False)
        await site.server.adopt(connection, request_bytes, {CAME_FROM: came_from})
        client.setblocking(False)
        await asyncio.get_running_loop().sock_recv(client, 1000)
        client.close()
        [scope] = site.scopes
        assert (scope["client"], scope["server"]) == (came_from.client, came_from.server)
        assert scope["scheme"] == scheme

    on_site(work)
