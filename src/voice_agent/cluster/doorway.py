"""The one port to the outside: accepts connections and brings each to a process."""

import asyncio
import functools
import itertools
import socket
from collections.abc import Callable
from typing import Final, Protocol

from loguru import logger

from voice_agent.cluster.giving import NotTakenError
from voice_agent.cluster.parcel import Parcel
from voice_agent.cluster.placement import Placement
from voice_agent.cluster.refusal import HEAD_TOO_LARGE, NOBODY_READY, STOPPING, TOO_SLOW
from voice_agent.cluster.routing import Destination
from voice_agent.cluster.tls_door import TlsDoor
from voice_agent.cluster.visitor import HeadTooLargeError, Visit, Visitor, VisitorGoneError

VISITORS_LIMIT: Final = 4096
"""How many connections may be read at once; the oldest makes room."""
HAND_OVER_TIMEOUT_S: Final = 5.0
"""How long a process may take to take a connection."""
ATTEMPTS: Final = 4
"""How many processes are tried in a row, when one after the other dies."""
_OUT_OF_FILES_S: Final = 0.1


class Gives(Protocol):
    """What takes connections to one process; see `giving.Giver`."""

    async def give(self, connection: socket.socket, parcel: Parcel, timeout_s: float) -> None:
        """Return when the process has it, or raise NotTakenError or TimeoutError."""


class Doorway:
    """Owns the listening socket and every connection that no process has yet.

    Args:
        listener: Where clients come; not blocking.
        placement: Which process gets what.
        giver_of: Returns what takes connections to the process of that name, None when it is gone.
        monotonic: The time, in seconds.
        tls: Ends TLS, where clients come over it.
    """

    def __init__(
        self,
        listener: socket.socket,
        placement: Placement,
        giver_of: Callable[[str], Gives | None],
        monotonic: Callable[[], float],
        tls: TlsDoor | None = None,
    ) -> None:
        self._tls = tls
        self._listener = listener
        self._placement = placement
        self._giver_of = giver_of
        self._monotonic = monotonic
        self._numbers = itertools.count(1)
        self._visits: dict[asyncio.Task[None], None] = {}
        """The oldest first."""
        self._is_closing = False
        self._accepting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to accept."""
        self._accepting = asyncio.create_task(self._accept(), name="doorway")

    async def close(self) -> None:
        """Accept nothing more, and tell who is not with a process yet that the server stops."""
        self._is_closing = True
        tasks = list(self._visits)
        if self._accepting is not None:
            self._accepting.cancel()
            tasks.append(self._accepting)
        for visiting in self._visits:
            visiting.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                logger.warning("a connection could not be accepted: {}", error)
                self._make_room()
                await asyncio.sleep(_OUT_OF_FILES_S)
                continue
            if len(self._visits) >= VISITORS_LIMIT:
                self._make_room()
            visiting = asyncio.create_task(self._let_in(connection), name="visitor")
            self._visits[visiting] = None
            visiting.add_done_callback(functools.partial(self._over, connection))

    def _over(self, connection: socket.socket, visiting: "asyncio.Task[None]") -> None:
        del self._visits[visiting]
        if visiting.cancelled():  # perhaps before it began
            connection.close()

    def _make_room(self) -> None:
        if self._visits:
            next(iter(self._visits)).cancel()

    async def _let_in(self, connection: socket.socket) -> None:
        secured = None
        if self._tls is not None:
            try:
                connection, secured = await self._tls.enter(connection)
            except (OSError, TimeoutError) as error:
                logger.debug("a TLS handshake failed: {}", error)
                return
        await self._receive(Visitor(connection, secured))

    async def _receive(self, visitor: Visitor) -> None:
        try:
            await self._bring(visitor, await visitor.read())
        except VisitorGoneError:
            pass
        except HeadTooLargeError:
            visitor.answer(HEAD_TOO_LARGE)
        except TimeoutError:
            if visitor.has_spoken:
                visitor.answer(TOO_SLOW)
        except asyncio.CancelledError:
            if visitor.has_spoken:
                visitor.cut(STOPPING if self._is_closing else TOO_SLOW)
        finally:
            visitor.close()

    async def _bring(self, visitor: Visitor, visit: Visit) -> None:
        for _ in range(ATTEMPTS):
            name = self._placement.choose(visit.route, self._monotonic())
            giver = self._giver_of(name) if name is not None else None
            if name is None or giver is None:
                break
            number = next(self._numbers)
            begins = visit.route.destination is Destination.LEAST_LOADED
            if begins:
                self._placement.placed(name, number, self._monotonic())
            try:
                parcel = Parcel(number, visit.received, begins, visitor.secured)
                await giver.give(visitor.connection, parcel, HAND_OVER_TIMEOUT_S)
            except NotTakenError:
                self._placement.withdrawn(name, number)
            except TimeoutError:
                logger.warning("process {} does not take its connections", name)
                visitor.cut(NOBODY_READY)
                return
            else:
                return
        visitor.answer(NOBODY_READY)
