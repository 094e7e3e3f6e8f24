"""Connections go from one process to another over real sockets, whole, once, and in order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from voice_agent.cluster.giving import Giver, NotTakenError
from voice_agent.cluster.parcel import Parcel
from voice_agent.cluster.taking import Taker

PATIENCE_S = 5.0


class Line:
    """Both ends of a hand-over."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.closed = 0
        self.giver = Giver(self.ours, self._note_closed)
        self.taken: list[tuple[socket.socket, Parcel]] = []
        self.taker: Taker | None = None

    def take(self) -> None:
        """Begin to take."""
        self.taker = Taker(self.theirs, lambda *each: self.taken.append(each))

    def _note_closed(self) -> None:
        self.closed += 1


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    yield line
    line.giver.close()
    if line.taker is not None:
        line.taker.close()
    line.theirs.close()
    for connection, _ in line.taken:
        connection.close()


async def test_a_connection_arrives_with_what_was_read_of_it(line: Line) -> None:
    line.take()
    for number, size in enumerate((0, 100, 200_000), start=1):
        client, server = socket.socketpair()
        received = os.urandom(size)
        await line.giver.give(server, Parcel(number, received), PATIENCE_S)
        server.close()
        taken, parcel = line.taken[-1]
        assert parcel == Parcel(number, received)
        assert not taken.getblocking()
        client.sendall(b"more")
        assert taken.recv(10) == b"more"
        client.close()


async def test_many_at_once_keep_their_sockets(line: Line) -> None:
    pairs = [socket.socketpair() for _ in range(200)]
    giving = [
        asyncio.ensure_future(line.giver.give(server, Parcel(number, b"x" * 5000), PATIENCE_S))
        for number, (_, server) in enumerate(pairs)
    ]
    await asyncio.sleep(0)  # more than the sockets hold: the rest waits
    line.take()
    await asyncio.gather(*giving)
    assert [parcel.number for _, parcel in line.taken] == list(range(200))
    for (client, server), (taken, parcel) in zip(pairs, line.taken, strict=True):
        client.sendall(str(parcel.number).encode())
        assert taken.recv(10) == str(parcel.number).encode()
        client.close()
        server.close()


async def test_who_is_not_taken_when_the_process_dies_may_go_elsewhere(line: Line) -> None:
    client, server = socket.socketpair()
    giving = [
        asyncio.ensure_future(line.giver.give(server, Parcel(number, b""), PATIENCE_S))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    line.theirs.close()
    for result in await asyncio.gather(*giving, return_exceptions=True):
        assert isinstance(result, NotTakenError)
    assert line.giver.is_closed
    assert line.closed == 1
    with pytest.raises(NotTakenError):
        await line.giver.give(server, Parcel(4, b""), PATIENCE_S)
    client.close()
    server.close()


async def test_who_is_taken_stays_so_when_the_process_dies_then(line: Line) -> None:
    line.take()
    client, server = socket.socketpair()
    await line.giver.give(server, Parcel(1, b""), PATIENCE_S)
    assert line.taker is not None
    line.taker.close()
    with pytest.raises(NotTakenError):
        await line.giver.give(server, Parcel(2, b""), PATIENCE_S)
    assert len(line.taken) == 1
    client.close()
    server.close()


async def test_a_process_that_does_not_take_is_not_waited_for_longer_than_said(line: Line) -> None:
    client, server = socket.socketpair()
    with pytest.raises(TimeoutError):
        await line.giver.give(server, Parcel(1, b"x" * 500_000), 0.05)
    with pytest.raises(TimeoutError):
        await line.giver.give(server, Parcel(2, b""), 0.05)
    # It goes on: what had begun to go out comes, what had not never does.
    line.take()
    await line.giver.give(server, Parcel(3, b""), PATIENCE_S)
    assert [parcel.number for _, parcel in line.taken] == [1, 3]
    client.close()
    server.close()


async def test_a_line_that_holds_nonsense_is_closed(line: Line) -> None:
    line.take()
    line.giver.close()
    ours, theirs = socket.socketpair()
    taker = Taker(theirs, lambda *_: None)
    ours.sendall(b"\x00\x00\x00\x04what")
    loop = asyncio.get_running_loop()
    ours.setblocking(False)
    async with asyncio.timeout(PATIENCE_S):
        assert await loop.sock_recv(ours, 10) == b""
    taker.close()
    ours.close()
