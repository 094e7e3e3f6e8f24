"""A process's end of the hand-over: connections come in with their sockets."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from loguru import logger

from voice_agent.cluster.frames import FrameError, FrameReader
from voice_agent.cluster.parcel import ACKNOWLEDGEMENT, Parcel, unpack

_READ_BYTES: Final = 256 * 1024
_SOCKETS_AT_ONCE: Final = 16
_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)

Adopt = Callable[[socket.socket, Parcel], None]
"""Takes over a connection; must not raise."""


class Taker:
    """Takes what the supervisor hands over, and acknowledges each before anything answers it."""

    def __init__(self, end: socket.socket, adopt: Adopt) -> None:
        end.setblocking(False)
        self._end = end
        self._adopt = adopt
        self._frames = FrameReader()
        self._sockets: deque[socket.socket] = deque()
        """Those whose parcels are not complete; a socket never comes after its parcel."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._read)
        self._is_closed = False

    def close(self) -> None:
        """Take nothing more; the supervisor gives what was not acknowledged to another."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._end)
        self._end.close()
        while self._sockets:
            self._sockets.popleft().close()

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._end, _READ_BYTES, _SOCKETS_AT_ONCE, _CLOSE_ON_EXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._sockets.extend(socket.socket(fileno=descriptor) for descriptor in descriptors)
        if not data:
            self.close()
            return
        try:
            for content in self._frames.feed(data):
                self._take(unpack(content))
        except (FrameError, OSError, ValueError, TypeError, IndexError) as error:
            logger.error("the hand-over broke: {!r}", error)
            self.close()

    def _take(self, parcel: Parcel) -> None:
        self._end.send(ACKNOWLEDGEMENT.pack(parcel.number))
        connection = self._sockets.popleft()
        connection.setblocking(False)
        self._adopt(connection, parcel)
