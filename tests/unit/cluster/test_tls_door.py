"""TLS ends in the supervisor: what comes out is what went in, and whose it is."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvloop

from voice_agent.cluster.parcel import Secured
from voice_agent.cluster.tls_door import TlsDoor
from voice_agent.listening import listen
from voice_agent.tls import SELF_SIGNED, prepare_tls

PATIENCE_S = 10.0


class Site:
    """A TLS door at a listening socket."""

    def __init__(self, folder: Path) -> None:
        files = prepare_tls(SELF_SIGNED, folder, [], datetime.now(UTC))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.trusts = ssl.create_default_context(cafile=files.certificate)
        self.door = TlsDoor(context)
        self.listener = listen("127.0.0.1", 0)

    async def enter(self) -> tuple[socket.socket, Secured]:
        """Let one connection in."""
        connection, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        connection.setblocking(False)
        return await self.door.enter(connection)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a client."""
        address = self.listener.getsockname()
        return await asyncio.open_connection(*address, ssl=self.trusts, server_hostname="localhost")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    yield site
    await site.door.close()
    site.listener.close()


async def test_bytes_pass_both_ways_until_the_end(site: Site) -> None:
    (reader, writer), (inner, secured) = await asyncio.gather(site.connect(), site.enter())
    assert secured == Secured(writer.get_extra_info("sockname"), site.listener.getsockname())
    in_reader, in_writer = await asyncio.open_unix_connection(sock=inner)
    there, back = os.urandom(1_000_000), os.urandom(1_000_000)
    writer.write(there)
    in_writer.write(back)
    async with asyncio.timeout(PATIENCE_S):
        assert await in_reader.readexactly(len(there)) == there
        assert await reader.readexactly(len(back)) == back
        in_writer.close()
        assert await reader.read() == b""
    writer.close()


async def test_a_client_that_goes_is_noticed_inside(site: Site) -> None:
    (_, writer), (inner, _) = await asyncio.gather(site.connect(), site.enter())
    writer.transport.abort()
    inner.setblocking(False)
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.get_running_loop().sock_recv(inner, 10) == b""
    inner.close()


async def test_what_is_no_tls_does_not_get_in(site: Site) -> None:
    plain = socket.create_connection(site.listener.getsockname())
    plain.send(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(OSError):  # noqa: PT011 - which one is OpenSSL's to say
        await site.enter()
    plain.close()


def test_the_servers_event_loop_does_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        site = Site(tmp_path)
        await test_bytes_pass_both_ways_until_the_end(site)
        await site.door.close()
        site.listener.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
