"""What every connection keeps track of: whether it carries, and how it ended."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loguru import logger

from voice_agent.transports.base import (
    Attempt,
    CloseReason,
    ConnectionEnd,
    ConnectionGoneError,
    TransportKind,
)

READY_GRACE_S = 0.7
"""How long a client that is ready may take to send audio before it counts as one that types."""
MAX_WAITING_MESSAGES = 50
"""How many messages may wait for a connection to carry."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Violation:
    """How a client broke the rules; `detail` has nothing in it that the client sent."""

    reason: CloseReason
    detail: str


class ConnectionState:
    """The states that the connections of all transports share; their classes extend it."""

    def __init__(
        self, kind: TransportKind, attempt: Attempt | None, *, session_id: str | None = None
    ) -> None:
        self._kind = kind
        self._attempt = attempt
        self._id = f"{kind}-{next(_numbers)}"
        self._log = logger.bind(session_id=session_id, connection_id=self._id)
        self._loop = asyncio.get_running_loop()
        self._carrying = asyncio.Event()
        self._grace: asyncio.TimerHandle | None = None
        self._violation: Violation | None = None
        self._end: asyncio.Future[ConnectionEnd] = self._loop.create_future()

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

    @property
    def is_carrying(self) -> bool:
        """Whether something has arrived by which it carries."""
        return self._carrying.is_set()

    @property
    def violation(self) -> Violation | None:
        """How the client broke the rules, when it did."""
        return self._violation

    def note_carrying(self) -> None:
        """Audio of the client has arrived, or what counts as much."""
        self._carrying.set()

    def note_message(self, message: object) -> None:
        """A message has arrived: one that does nothing for the call does not make it carry.

        Typed words do; that the client is ready does when no audio follows for a while, so that
        one without a microphone is greeted. What is no JSON object breaks the rules, until the
        connection carries: then whoever reads the messages answers it.
        """
        if self.is_carrying or self.has_ended:
            return
        if not isinstance(message, Mapping):
            self.note_violation(CloseReason.INVALID_PAYLOAD, "a message is a JSON object")
        elif message.get("label") != "rtvi-ai":
            return
        elif message.get("type") == "send-text":
            self.note_carrying()
        elif message.get("type") == "client-ready" and self._grace is None:
            self._grace = self._loop.call_later(READY_GRACE_S, self.note_carrying)

    def note_violation(self, reason: CloseReason, detail: str) -> None:
        """The client broke the rules, so the connection is over; the first to say how is right."""
        if not self.has_ended:
            self._log.warning("closing the connection: {}", detail)
            self._violation = Violation(reason, detail)
            self.note_ended(ConnectionEnd.CLOSED)

    def note_ended(self, end: ConnectionEnd) -> None:
        """It is over; the first to say how is right."""
        if self._grace is not None:
            self._grace.cancel()
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
