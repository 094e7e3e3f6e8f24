"""Takes down what happens in sessions, and writes it to the archive, off the audio path."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from loguru import logger

from voice_agent.core.conversation import Turn
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.events import Event
from voice_agent.core.session import Checkpoint, KeyLimits
from voice_agent.core.session_journal import (
    RememberedEvent,
    RememberedSession,
    RememberedTurn,
)
from voice_agent.storage.session_archive import Entry, NumberedTurn, SessionArchive

PAUSE_S: Final = 0.5
"""How long what happens is gathered before it is written: a transaction costs the same for all."""
RETRY_S: Final = 2.0
EVENTS_LIMIT: Final = 50_000
"""Events that wait while the database does not answer; some 10 minutes of 50 calls. What the
session is, and its turns, is written in any case."""
CLOSE_TIMEOUT_S: Final = 10.0
"""How long the end of this process waits for a database that does not answer."""


@dataclass
class _Pending:
    """What is to be written of one session."""

    epoch: int
    checkpoint: Checkpoint
    events: list[RememberedEvent] = field(default_factory=list)


@dataclass(frozen=True)
class ArchiveStatistics:
    """How much waits to be written, and how much was given up."""

    waiting: int
    dropped: int
    failures: int


class ArchiveWriter:
    """Implements `SessionJournal`, with one task that writes.

    Args:
        archive: Where to.
        keeps_words: Whether what was said is written.
        events_limit: How many events may wait.
    """

    def __init__(
        self,
        archive: SessionArchive,
        *,
        keeps_words: bool = True,
        events_limit: int = EVENTS_LIMIT,
    ) -> None:
        self._archive = archive
        self._keeps_words = keeps_words
        self._events_limit = events_limit
        self._pending: dict[str, _Pending] = {}
        self._waiting = 0
        self._dropped = 0
        self._failures = 0
        self._written: dict[str, Sequence[Turn]] = {}
        self._left: set[str] = set()
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def statistics(self) -> ArchiveStatistics:
        """What waits now, and what was given up so far."""
        return ArchiveStatistics(self._waiting, self._dropped, self._failures)

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="archive")

    async def close(self) -> None:
        """Write what is there, and end; what a database does not take is given up with a word."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                while True:
                    if await self._write():
                        return
                    await asyncio.sleep(RETRY_S / 4)
        except TimeoutError:
            logger.error(
                "the database did not answer in {:g} s: {} events of {} sessions are not kept",
                CLOSE_TIMEOUT_S,
                self._waiting,
                len(self._pending),
            )

    async def begin(self, checkpoint: Checkpoint, epoch: int, limits: KeyLimits) -> None:
        """Remember a new session, unless its key has as many as it may.

        Raises:
            KeyLimitError: It has.
            StorageUnavailableError: Nothing can be kept now.
        """
        if limits != KeyLimits():
            # A session of the same key that has just ended makes room.
            await self.flush()
        await self._archive.begin(checkpoint, epoch, limits)

    def note(self, checkpoint: Checkpoint, epoch: int, event: Event) -> None:
        """Take down an event, and what the session is since; does not wait."""
        pending = self._pending.get(checkpoint.session_id)
        if pending is None:
            pending = self._pending[checkpoint.session_id] = _Pending(epoch, checkpoint)
        pending.epoch, pending.checkpoint = epoch, checkpoint
        self._left.discard(checkpoint.session_id)
        if self._waiting >= self._events_limit:
            if self._dropped % self._events_limit == 0:
                logger.error("the database is behind: events of sessions are not kept any more")
            self._dropped += 1
        else:
            pending.events.append(self._remembered(event))
            self._waiting += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._due.set)

    def leave(self, session_id: str) -> None:
        """This process has the session no longer."""
        self._left.add(session_id)
        if session_id not in self._pending:
            self._forget_left()

    async def last_number(self, session_id: str) -> int:
        """Return the number of the last event that is kept, 0 when there is none."""
        pending = self._pending.get(session_id)
        waiting = pending.events[-1].number if pending and pending.events else 0
        return max(waiting, await self._archive.last_number(session_id))

    async def erase(self, session_id: str) -> None:
        """Forget a session."""
        async with self._writing:
            pending = self._pending.pop(session_id, None)
            self._waiting -= len(pending.events) if pending else 0
            await self._archive.erase(session_id)

    async def flush(self) -> bool:
        """Write now what is there, and return whether the database took it."""
        return await self._write()

    def _remembered(self, event: Event) -> RememberedEvent:
        remembered = RememberedEvent.of(event)
        if not self._keeps_words and "text" in remembered.data:
            remembered = replace(remembered, data={**remembered.data, "text": ""})
        return remembered

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            self._timer = None
            if not await self._write():
                self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._due.set)

    async def _write(self) -> bool:
        """Return whether the database took what was there."""
        async with self._writing:
            if not self._pending:
                return True
            taken, self._pending = self._pending, {}
            turns = {
                session_id: pending.checkpoint.conversation.turns
                for session_id, pending in taken.items()
            }
            try:
                await self._archive.write(
                    [self._entry(session_id, each) for session_id, each in taken.items()]
                )
            except StorageUnavailableError as error:
                self._failures += 1
                logger.warning("sessions cannot be written down, trying again: {}", error)
                self._take_back(taken)
                return False
            except asyncio.CancelledError:
                # Whether it came through is not known; to write it once more changes nothing.
                self._take_back(taken)
                raise
            except Exception:  # noqa: BLE001 - what the database will never take must not block
                self._failures += 1
                self._dropped += sum(len(each.events) for each in taken.values())
                logger.exception("what happened in {} sessions is not kept", len(taken))
            self._waiting -= sum(len(each.events) for each in taken.values())
            self._written.update(turns)
            self._forget_left()
            return True

    def _entry(self, session_id: str, pending: _Pending) -> Entry:
        before = self._written.get(session_id, ())
        turns = pending.checkpoint.conversation.turns
        changed = [
            NumberedTurn(number, self._remembered_turn(turn))
            for number, turn in enumerate(turns)
            if number >= len(before) or before[number] is not turn
        ]
        return Entry(
            RememberedSession.of(pending.checkpoint), pending.epoch, changed, pending.events
        )

    def _remembered_turn(self, turn: Turn) -> RememberedTurn:
        text = turn.text if self._keeps_words else None
        return RememberedTurn(turn.speaker, turn.state, turn.started_at, text)

    def _take_back(self, taken: dict[str, _Pending]) -> None:
        for session_id, earlier in taken.items():
            later = self._pending.get(session_id)
            if later is None:
                self._pending[session_id] = earlier
            else:
                later.events[:0] = earlier.events

    def _forget_left(self) -> None:
        for session_id in self._left - self._pending.keys():
            self._written.pop(session_id, None)
            self._left.discard(session_id)
