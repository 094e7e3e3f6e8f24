"""The port to the outside on real sockets: who comes gets to a process, or an answer."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from voice_agent.cluster import doorway as doorway_module
from voice_agent.cluster import visitor as visitor_module
from voice_agent.cluster.doorway import Doorway
from voice_agent.cluster.giving import NotTakenError
from voice_agent.cluster.parcel import Parcel
from voice_agent.cluster.placement import Load, Placement
from voice_agent.listening import listen

PATIENCE_S = 5.0
START = b"POST /start HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


class Process:
    """Takes connections and answers with its name and what it got."""

    def __init__(self, name: str, placement: Placement) -> None:
        self.name = name
        self.placement = placement
        self.parcels: list[Parcel] = []
        self.dies = False
        self.is_stuck = False

    async def give(self, connection: socket.socket, parcel: Parcel, timeout_s: float) -> None:
        if self.dies:
            self.placement.gone(self.name)
            raise NotTakenError
        if self.is_stuck:
            raise TimeoutError
        self.parcels.append(parcel)
        connection.send(self.name.encode())
        connection.shutdown(socket.SHUT_RDWR)


class Site:
    """A doorway with two processes."""

    def __init__(self) -> None:
        self.placement = Placement()
        self.processes = {name: Process(name, self.placement) for name in ("p0", "p1")}
        for name in self.processes:
            self.placement.heard(name, Load(0, 0, 10, is_ready=True), (), 0.0)
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.doorway = Doorway(listener, self.placement, self.processes.get, lambda: 0.0)

    async def send(self, *pieces: bytes) -> bytes:
        """Return all that comes back for `pieces`, sent one after the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.timeout(PATIENCE_S):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            answer = await reader.read()
        writer.close()
        return answer

    def received(self) -> bytes:
        """Return what the one process that got something got."""
        [parcel] = [each for process in self.processes.values() for each in process.parcels]
        return parcel.received


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    site.doorway.open()
    yield site
    await site.doorway.close()


async def test_sessions_spread(site: Site) -> None:
    answers = await asyncio.gather(*(site.send(START) for _ in range(10)))
    assert sorted(answers) == [b"p0"] * 5 + [b"p1"] * 5
    assert all(parcel.begins_session for each in site.processes.values() for parcel in each.parcels)


async def test_a_request_goes_to_its_owner_with_all_that_was_read(site: Site) -> None:
    request = b"GET /v1/sessions/p1.abc HTTP/1.1\r\nHost: a\r\n\r\n"
    assert await site.send(request[:9], request[9:20], request[20:]) == b"p1"
    assert site.received() == request


async def test_what_is_pipelined_goes_with_the_first(site: Site) -> None:
    pipelined = START + b"GET / HTTP/1.1\r\n\r\n"
    await site.send(pipelined)
    assert site.received() == pipelined


async def test_the_body_says_whose_candidates_they_are(site: Site) -> None:
    body = b'{"pc_id": "p1.abc"}'
    head = b"PATCH /api/offer HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert await site.send(head, body[:5], body[5:]) == b"p1"
    assert site.received() == head + body


async def test_who_waits_to_be_told_to_go_on_is_told(site: Site) -> None:
    body = b'{"pc_id": "p1.abc"}'
    head = b"PATCH /api/offer HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    answer = await site.send(head % len(body), body)
    assert answer == b"HTTP/1.1 100 Continue\r\n\r\np1"


async def test_what_is_no_http_is_for_a_process_to_refuse(site: Site) -> None:
    assert await site.send(b"\x16\x03\x01 hello") in (b"p0", b"p1")


async def test_a_head_without_end_is_refused(site: Site) -> None:
    answer = await site.send(b"GET / HTTP/1.1\r\nCookie: " + b"x" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert not any(process.parcels for process in site.processes.values())


async def test_who_says_nothing_is_let_go(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor_module, "READ_TIMEOUT_S", 0.1)
    assert await site.send() == b""
    assert (await site.send(b"GET / HT")).startswith(b"HTTP/1.1 408 ")


async def test_the_oldest_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorway_module, "VISITORS_LIMIT", 3)
    silent = [asyncio.ensure_future(site.send()) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert await site.send(START) in (b"p0", b"p1")
    assert await silent[0] == b""
    assert not silent[1].done()
    await site.doorway.close()
    assert await asyncio.gather(*silent) == [b"", b"", b""]


async def test_when_a_process_dies_another_takes_its_connections(site: Site) -> None:
    site.processes["p0"].dies = True
    assert [await site.send(START) for _ in range(4)] == [b"p1"] * 4


async def test_without_a_process_there_is_a_clear_word(site: Site) -> None:
    for name in site.processes:
        site.placement.gone(name)
    answer = (await site.send(START)).decode()
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 2" in head
    assert "application/problem+json" in head
    assert '"code": "not_ready"' in body


async def test_a_stuck_process_does_not_hold_its_clients(site: Site) -> None:
    site.processes["p1"].is_stuck = True
    answer = await site.send(b"GET /v1/sessions/p1.abc HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")


async def test_who_is_at_the_door_when_it_closes_is_told(site: Site) -> None:
    sending = asyncio.ensure_future(site.send(b"GET / HTTP/1.1\r\n"))
    await asyncio.sleep(0.05)
    await site.doorway.close()
    answer = await sending
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"the server is stopping" in answer
