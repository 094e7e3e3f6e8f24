"""The supervisor's end of the hand-over: connections go out with their sockets, in order.

A connection is the process's once it acknowledges it, before it answers anything. So when a
process dies, what it had not acknowledged can go to another one: nobody has seen it.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from voice_agent.cluster.frames import frame
from voice_agent.cluster.parcel import ACKNOWLEDGEMENT, Parcel, pack

WAITING_LIMIT: Final = 1024
"""How many connections may wait for one process."""
_ACKNOWLEDGEMENTS_BYTES: Final = 4096


class NotTakenError(Exception):
    """The process is gone, or its line is full; it has seen nothing of the connection."""


@dataclass(eq=False)
class _Waiting:
    connection: socket.socket
    content: bytes
    taken: "asyncio.Future[None]" = field(repr=False)


class Giver:
    """Gives connections to one process.

    `on_closed` is called when that takes no more, before anybody who waits is told.
    """

    def __init__(self, end: socket.socket, on_closed: Callable[[], None]) -> None:
        end.setblocking(False)
        self._on_closed = on_closed
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[_Waiting] = deque()
        self._untaken: dict[int, _Waiting] = {}
        self._rest = b""
        """What is left of a frame that went out in part."""
        self._is_blocked = False
        self._is_closed = False
        self._received = bytearray()
        self._loop.add_reader(end, self._read)

    @property
    def is_closed(self) -> bool:
        """Whether the process takes no more."""
        return self._is_closed

    async def give(self, connection: socket.socket, parcel: Parcel, timeout_s: float) -> None:
        """Return when the process has the connection; it stays open here too.

        Raises:
            NotTakenError: It never got there; it may be given to another process.
            TimeoutError: The process does not answer. It may still get the connection later.
        """
        if self._is_closed or len(self._untaken) >= WAITING_LIMIT:
            raise NotTakenError
        waiting = _Waiting(connection, frame(pack(parcel)), self._loop.create_future())
        self._untaken[parcel.number] = waiting
        self._unsent.append(waiting)
        self._write()
        try:
            async with asyncio.timeout(timeout_s):
                await waiting.taken
        finally:
            self._untaken.pop(parcel.number, None)
            if waiting in self._unsent:
                self._unsent.remove(waiting)

    def close(self) -> None:
        """Give nothing more; who waits is told."""
        if self._is_closed:
            return
        self._is_closed = True
        self._on_closed()
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        self._end.close()
        for waiting in self._untaken.values():
            if not waiting.taken.done():
                waiting.taken.set_exception(NotTakenError())

    def _write(self) -> None:
        """Send what the socket takes now; the rest when it takes more."""
        try:
            while not self._is_blocked and (self._rest or self._unsent):
                self._send_some()
        except BlockingIOError:
            self._is_blocked = True
            self._loop.add_writer(self._end, self._unblocked)
        except OSError:
            self.close()

    def _send_some(self) -> None:
        if self._rest:
            self._rest = self._rest[self._end.send(self._rest) :]
            return
        waiting = self._unsent[0]
        sent = socket.send_fds(self._end, [waiting.content], [waiting.connection.fileno()])
        self._rest = waiting.content[sent:]
        self._unsent.popleft()

    def _unblocked(self) -> None:
        self._is_blocked = False
        self._loop.remove_writer(self._end)
        self._write()

    def _read(self) -> None:
        try:
            data = self._end.recv(_ACKNOWLEDGEMENTS_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        while len(self._received) >= ACKNOWLEDGEMENT.size:
            (number,) = ACKNOWLEDGEMENT.unpack_from(self._received)
            del self._received[: ACKNOWLEDGEMENT.size]
            waiting = self._untaken.get(number)
            if waiting is not None and not waiting.taken.done():
                waiting.taken.set_result(None)
