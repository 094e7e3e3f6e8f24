"""Connections that never speak: what do they cost?"""

import asyncio
import contextlib
import resource
from dataclasses import dataclass

import aiohttp

from voice_agent.bench.churn import Server, quiet
from voice_agent.client import Call, TransportName
from voice_agent.client.signalling import websocket_url
from voice_agent.testing.server_probe import ServerCounts

SPARE_FILES = 200
"""Open files beside the connections."""
AT_ONCE = 50
CONNECT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class IdleConnections:
    """What was there of the server before, during and after.

    Attributes:
        asked: How many connections were to be opened.
        opened: How many could be.
        close_codes: With which code the server closed them, and how many.
        before: Without any.
        during: With all of them open.
        after: When the server had closed them.
    """

    asked: int
    opened: int
    close_codes: dict[int | None, int]
    before: ServerCounts
    during: ServerCounts
    after: ServerCounts

    @property
    def bytes_each(self) -> float:
        """How much memory of the server one connection took."""
        return (self.during.resident_bytes - self.before.resident_bytes) / max(1, self.opened)


async def connect_and_say_nothing(server: Server, count: int) -> IdleConnections:
    """Open `count` WebSockets that never send a thing, and wait until the server closes them."""
    _allow_files(count + SPARE_FILES)
    before = await server.probe.count()
    places = asyncio.Semaphore(AT_ONCE)
    address = websocket_url(server.url.rstrip("/") + "/ws")

    async def connect(http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse | None:
        async with places, asyncio.timeout(CONNECT_TIMEOUT_S):
            try:
                return await http.ws_connect(address, compress=0)
            except (aiohttp.ClientError, OSError):
                return None

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        tried = await asyncio.gather(*(connect(http) for _ in range(count)))
        sockets = [socket for socket in tried if socket is not None]
        during = await server.probe.count()
        codes = await asyncio.gather(*(_close_code(socket) for socket in sockets))
    after = await quiet(server.probe, beside=before.connections)
    totals = {code: codes.count(code) for code in set(codes)}
    return IdleConnections(count, len(sockets), totals, before, during, after)


async def connect_and_stay_silent(
    server: Server, count: int, transport: TransportName, seconds: float
) -> IdleConnections:
    """Make `count` calls that send the noise of a quiet room for `seconds`, and never speak."""
    before = await server.probe.count()
    opened = [Call(server.url, transport=transport, keep_samples=False) for _ in range(count)]
    try:
        await asyncio.gather(*(call.connect() for call in opened))
        until = max(call.ready_at for call in opened) + seconds
        with contextlib.suppress(TimeoutError):
            await asyncio.gather(*(_hold(call, until) for call in opened))
        during = await server.probe.count()
    finally:
        await asyncio.gather(*(call.close() for call in opened))
    after = await quiet(server.probe, beside=before.connections)
    return IdleConnections(count, count, {1000: count}, before, during, after)


async def _hold(call: Call, until: float) -> None:
    await call.until(lambda: call.horizon >= until or None, None, "the end of the silence")


async def _close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    while not socket.closed:
        await socket.receive()
    return socket.close_code


def _allow_files(wanted: int) -> None:
    """Raise this process's limit of open files as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
