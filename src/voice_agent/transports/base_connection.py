"""What every connection keeps track of: whether it carries, and how it ended."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from voice_agent.transports.base import Attempt, ConnectionEnd, ConnectionGoneError, TransportKind

_numbers = itertools.count(1)


class ConnectionState:
    """The states that the connections of all transports share; their classes extend it."""

    def __init__(self, kind: TransportKind, attempt: Attempt | None) -> None:
        self._kind = kind
        self._attempt = attempt
        self._id = f"{kind}-{next(_numbers)}"
        self._carrying = asyncio.Event()
        self._end: asyncio.Future[ConnectionEnd] = asyncio.get_running_loop().create_future()

    @property
    def id(self) -> str:
        """An id for logs and events."""
        return self._id

    @property
    def kind(self) -> TransportKind:
        """How it is connected."""
        return self._kind

    @property
    def attempt(self) -> Attempt | None:
        """The attempt it belongs to, when the client named one."""
        return self._attempt

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self._end.done()

    def reaches_client(self) -> bool:
        """Return whether what is sent now can arrive; a transport that knows better says so."""
        return not self.has_ended

    def note_carrying(self) -> None:
        """Something of the client has arrived."""
        self._carrying.set()

    def note_ended(self, end: ConnectionEnd) -> None:
        """It is over; the first to say how is right."""
        if not self._end.done():
            self._end.set_result(end)

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call `call` when it is over."""
        self._end.add_done_callback(lambda _: call())

    async def wait_carrying(self, *, timeout_s: float) -> None:
        """Return when something has arrived; raise ConnectionGoneError when nothing does."""
        carrying = asyncio.create_task(self._carrying.wait())
        try:
            first: set[asyncio.Future[Any]] = {carrying, self._end}
            await asyncio.wait(first, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            carrying.cancel()
        if self._end.done():
            raise ConnectionGoneError(self._end.result())
        if not self._carrying.is_set():
            raise ConnectionGoneError(ConnectionEnd.CLOSED)

    async def wait_ended(self) -> ConnectionEnd:
        """Return how it ended, when it has."""
        return await asyncio.shield(self._end)
