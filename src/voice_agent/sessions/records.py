"""What is known of sessions, those that run and those that are over, for who asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.events import Event, EventListener, LatencyMeasured, event_type
from voice_agent.core.pages import Page
from voice_agent.core.session import Checkpoint, SessionState
from voice_agent.core.session_journal import (
    RememberedEvent,
    RememberedSession,
    RememberedTurn,
    remembered_turns,
)
from voice_agent.storage.session_archive import SessionArchive, SessionFilter

TIMELINE_LIMIT: Final = 1000
"""How many events are shown with a session; all of them can be subscribed to."""
LATENCIES_LIMIT: Final = 10_000
QUEUE_LIMIT: Final = 1000
"""Events that may wait for a subscriber who is slow; then he has to come again."""
POLL_S: Final = 1.0
"""How often a session is looked at that another process has."""
PAGE: Final = 500
_LATENCY: Final = event_type(LatencyMeasured)


class LiveSessions(Protocol):
    """The sessions of this process; `SessionManager` has them."""

    def live(self, session_id: str) -> tuple[Checkpoint, Sequence[Event]] | None:
        """Return a session as it is now and its last events, None when it is not here."""

    def listen(
        self, session_id: str, listener: EventListener, on_gone: Callable[[], None]
    ) -> tuple[Sequence[Event], Callable[[], None]] | None:
        """Call `listener` with every further event; return the ones so far and what stops it."""


@dataclass(frozen=True)
class SessionRecord:
    """A session with all that was said in it, and how long each answer took."""

    session: RememberedSession
    turns: Sequence[RememberedTurn]
    latencies: Sequence[RememberedEvent]
    timeline: Sequence[RememberedEvent]


class SessionRecords:
    """Reads the archive, after what this process has still to write has been written."""

    def __init__(
        self,
        archive: SessionArchive,
        flush: Callable[[], Awaitable[bool]],
        sessions: LiveSessions,
    ) -> None:
        self._archive = archive
        self._flush = flush
        self._sessions = sessions

    async def list(
        self, wanted: SessionFilter, cursor: str | None, limit: int
    ) -> Page[RememberedSession]:
        """Return sessions, newest first; raises as `SessionArchive.list` does."""
        await self._flush()
        return await self._archive.list(wanted, cursor, limit)

    async def whose(self, session_id: str) -> tuple[str, str]:
        """Return the workspace and the agent of a session; raises as `read` does."""
        found = self._sessions.live(session_id)
        if found is not None:
            checkpoint, _ = found
            return checkpoint.workspace_id, checkpoint.agent.id
        return await self._archive.whose(session_id)

    async def read(self, session_id: str) -> SessionRecord:
        """Return all that is known of a session; of one that runs here even without a database.

        Raises:
            SessionNotFoundError: None has that id, or it was erased.
            StorageUnavailableError: The database does not answer.
        """
        try:
            await self._flush()
            session, turns = await self._archive.read(session_id)
            latencies = await self._archive.events(
                session_id, limit=LATENCIES_LIMIT, type_=_LATENCY
            )
            timeline = await self._archive.events(session_id, limit=TIMELINE_LIMIT)
        except StorageUnavailableError as error:
            found = self._sessions.live(session_id)
            if found is None:
                raise
            logger.warning("a session is shown as it is in memory: {}", error)
            checkpoint, history = found
            session, turns = RememberedSession.of(checkpoint), remembered_turns(checkpoint)
            timeline = [RememberedEvent.of(event) for event in history]
            latencies = [event for event in timeline if event.type == _LATENCY]
        return SessionRecord(session, turns, latencies, timeline)

    async def conversation(
        self, session_id: str
    ) -> tuple[RememberedSession, Sequence[RememberedTurn]]:
        """Return a session as it is kept, with what was said.

        Raises:
            SessionNotFoundError: None has that id, or it was erased.
            StorageUnavailableError: The database does not answer.
        """
        if not await self._flush():
            raise StorageUnavailableError("the database does not take what happened last")
        return await self._archive.read(session_id)

    async def may_have_more(self, session_id: str, after: int) -> bool:
        """Return whether a session has events with numbers above `after`, or may get some.

        Raises:
            SessionNotFoundError: None has that id, or it was erased.
            StorageUnavailableError: It does not run here, and the database does not answer.
        """
        if self._sessions.live(session_id) is not None:
            return True
        await self._flush()
        session, _ = await self._archive.read(session_id)
        if session.state != SessionState.ENDED:
            return True
        return await self._archive.last_number(session_id) > after

    async def follow(self, session_id: str, after: int) -> AsyncIterator[RememberedEvent]:
        """Yield the events of a session with numbers above `after`, as they come, until it is over.

        It also ends when this process gives the session up, or when the reader is too slow: who
        comes again with the last number gets the rest.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        while True:
            queue: asyncio.Queue[RememberedEvent | None] = asyncio.Queue(QUEUE_LIMIT)
            subscription = self._subscribe(session_id, queue)
            if subscription is not None:
                history, stop = subscription
                try:
                    async for event in self._live_events(session_id, after, history, queue):
                        yield event
                finally:
                    stop()
                return
            async for event in self._stored_events(session_id, after):
                after = event.number
                yield event
            session, _ = await self._archive.read(session_id)
            if session.state == SessionState.ENDED:
                async for event in self._stored_events(session_id, after):
                    yield event
                return
            await asyncio.sleep(POLL_S)

    def _subscribe(
        self, session_id: str, queue: "asyncio.Queue[RememberedEvent | None]"
    ) -> tuple[Sequence[Event], Callable[[], None]] | None:
        overflowed = False

        def put(event: RememberedEvent | None) -> None:
            nonlocal overflowed
            if overflowed:
                return
            if queue.qsize() >= QUEUE_LIMIT - 1:
                overflowed, event = True, None
            queue.put_nowait(event)

        return self._sessions.listen(
            session_id, lambda event: put(RememberedEvent.of(event)), lambda: put(None)
        )

    async def _live_events(
        self,
        session_id: str,
        after: int,
        history: Sequence[Event],
        queue: "asyncio.Queue[RememberedEvent | None]",
    ) -> AsyncIterator[RememberedEvent]:
        first = history[0].number if history else None
        if first is None or first > after + 1:
            await self._flush()
            async for event in self._stored_events(session_id, after, before=first):
                after = event.number
                yield event
        for live in history:
            if live.number > after:
                after = live.number
                yield RememberedEvent.of(live)
        while (coming := await queue.get()) is not None:
            if coming.number > after:
                after = coming.number
                yield coming

    async def _stored_events(
        self, session_id: str, after: int, before: int | None = None
    ) -> AsyncIterator[RememberedEvent]:
        while True:
            events = await self._archive.events(session_id, after, PAGE)
            for event in events:
                if before is not None and event.number >= before:
                    return
                after = event.number
                yield event
            if len(events) < PAGE:
                return
