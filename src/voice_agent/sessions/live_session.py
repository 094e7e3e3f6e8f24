"""A session that this process owns: which connection carries it, and how it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from voice_agent.core.clock import Clock
from voice_agent.core.conversation import Conversation
from voice_agent.core.errors import SessionEndedError, SessionNotConnectedError
from voice_agent.core.events import (
    AgentTurnEnded,
    AnswerWritten,
    ClientConnected,
    Event,
    EventPayload,
    EventStream,
    SentenceHeard,
    SessionStateChanged,
    TransportSwitched,
    UserTurnEnded,
)
from voice_agent.core.session import Checkpoint, EndReason, Session, SessionState
from voice_agent.core.session_journal import SessionJournal
from voice_agent.core.session_store import Claim, SessionStore
from voice_agent.sessions.attempts import Attempts
from voice_agent.sessions.checkpoints import CheckpointWriter
from voice_agent.sessions.leg import NOBODY_THERE, Leg, LegEnd
from voice_agent.sessions.limits import Deadline, LegLimits
from voice_agent.transports.base import CloseReason, Connection

END_REASONS = {
    LegEnd.CLIENT_LEFT: EndReason.CLIENT_LEFT,
    LegEnd.SESSION_ENDED: EndReason.REQUESTED,
    LegEnd.SERVER_STOPPED: EndReason.SERVER_STOPPED,
    LegEnd.IDLE: EndReason.IDLE,
    LegEnd.MAX_DURATION: EndReason.MAX_DURATION,
}
"""The leg ends that end the session too; after the others it waits for another leg."""

FALLBACK = "fallback"
"""Why another transport carries the first leg than the first one of the plan."""

LegBuilder = Callable[[Session, Connection, Callable[[EventPayload], None]], Leg]
"""Makes the next leg of a session on a connection, which tells what happens to the third."""


@dataclass(frozen=True)
class Waits:
    """How long a session waits, in seconds."""

    connect_s: float
    """From its creation to its first leg."""
    resume_s: float
    """From a lost connection to the next one."""


@dataclass(frozen=True)
class Books:
    """Where a session is kept: its store, with the claim on it, and the journal."""

    store: SessionStore
    claim: Claim
    journal: SessionJournal
    keeps_words: bool = True
    """Whether what was said is kept when the session is over."""


class LiveSession:
    """Owns one session from when this process has it to when it is over or went elsewhere.

    Connections come through `carry`; at any moment at most one of them has a leg. Once it is
    closing (`_closing`), nothing comes in any more.
    """

    def __init__(
        self,
        session: Session,
        books: Books,
        events: EventStream,
        clock: Clock,
        waits: Waits,
        build_leg: LegBuilder,
        on_over: Callable[["LiveSession"], None],
    ) -> None:
        self.session = session
        self.events = events
        self.attempts = Attempts()
        self._clock = clock
        self._waits = waits
        self._build_leg = build_leg
        self._on_over = on_over
        self._books = books
        self._checkpoints = CheckpointWriter(
            books.store, books.claim, self._to_keep, self._went_elsewhere
        )
        events.listen(self._write_down)
        self._limits = LegLimits(session.agent.limits, clock, self._stop_leg)
        self._expiry = Deadline(self._expire)
        self._claiming = asyncio.Lock()
        self._leg: Leg | None = None
        self._leg_gone = asyncio.Event()
        self._leg_gone.set()
        self._last_end = LegEnd.CONNECTION_LOST
        self._must_end: LegEnd | None = None
        self._is_leaving = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def claim(self) -> Claim:
        """The ownership under which this process has it."""
        return self._books.claim

    @property
    def has_leg(self) -> bool:
        """Whether a connection carries it now."""
        return self._leg is not None

    def wait_for_leg(self) -> None:
        """Start waiting for a connection: the first, or the next."""
        first = self.session.state is SessionState.CREATED
        self._expiry.set(self._waits.connect_s if first else self._waits.resume_s)

    def resume(self) -> None:
        """Go on from the checkpoint of an owner that is gone, with or without having said so."""
        if self.session.state is SessionState.CONNECTED:
            self.session.suspend()
            self._state_changed()
        self.wait_for_leg()

    async def carry(self, connection: Connection) -> None:
        """Run the session's next leg on `connection`; return when it has ended.

        The first connection of an attempt gets the session, its others are closed; one of a newer
        attempt displaces what runs.

        Raises:
            SessionEndedError: The session is over.
        """
        leg = await self._claim(connection)
        if leg is None:
            await connection.close(CloseReason.LOST_RACE)
            return
        end = LegEnd.SERVER_STOPPED
        try:
            end = await leg.run()
        finally:
            self._leg_ended(end)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def end(self, leg_end: LegEnd) -> None:
        """End the session, through its leg when it has one; return when it is over and kept."""
        self._must_end = self._must_end or leg_end
        self._stop_leg(leg_end)
        await self._leg_gone.wait()
        await asyncio.shield(self._close(END_REASONS[leg_end]))

    def check_ownership(self) -> None:
        """Another process may have the session: write, which is refused then, and let it go."""
        self._checkpoints.changed()

    async def end_lost(self) -> None:
        """End a session whose owner is gone, unless its client is back."""
        if not self.has_leg:
            await asyncio.shield(self._close(self._nobody_came()))

    async def leave(self) -> None:
        """Give the session up as it is, for another process or for this one started anew."""
        self._is_leaving = True
        self._stop_leg(LegEnd.SERVER_STOPPED)
        await self._leg_gone.wait()
        await asyncio.shield(self._close(None))

    async def say(self, text: str) -> None:
        """Let the agent say `text`.

        Raises:
            SessionNotConnectedError: Nobody is there to hear it.
        """
        await self._require_leg().say(text)

    async def take_text(self, text: str) -> None:
        """Take `text` as a turn of the user.

        Raises:
            SessionNotConnectedError: Nobody is there.
        """
        await self._require_leg().take_text(text)

    async def end_unreachable(self) -> None:
        """End a session that had one connection to come by, when that one came to nothing."""
        if not self.has_leg and not self.session.checkpoint.resumable:
            await asyncio.shield(self._close(EndReason.NEVER_CONNECTED))

    def _require_leg(self) -> Leg:
        if self._leg is None:
            raise SessionNotConnectedError(NOBODY_THERE)
        return self._leg

    def _require_open(self) -> None:
        if self._closing is not None or self._must_end is not None or self._is_leaving:
            raise SessionEndedError("this session is over; start a new one")

    async def _claim(self, connection: Connection) -> Leg | None:
        """Return the leg that `connection` gets, or None when it lost its race."""
        async with self._claiming:
            self._require_open()
            if self._leg is not None:
                if not self.attempts.displaces(connection.attempt, self._leg.connection.attempt):
                    return None
                self._leg.stop(LegEnd.DISPLACED)
                await self._leg_gone.wait()
                self._require_open()
            leg = self._build_leg(self.session, connection, self._take_in)
            self._expiry.clear()
            self._leg_gone.clear()
            self._leg = leg
            self._connect(connection.kind)
            return leg

    def _connect(self, transport: str) -> None:
        before = self.session.checkpoint
        self.session.connect(transport)
        self._state_changed()
        if before.transport not in (None, transport):
            reason = self._last_end if before.legs else FALLBACK
            self.events.emit(TransportSwitched(before.transport, transport, reason))

    def _leg_ended(self, end: LegEnd) -> None:
        """End the session, or let it wait for another leg, as the leg's end says."""
        self._leg = None
        self._last_end = end
        self._limits.clear()
        if self._checkpoints.is_lost:
            self._close(None)
        elif self._is_leaving:
            self.session.suspend()
            self._state_changed()
            self._close(None)
        elif self._must_end is not None:
            self._close(END_REASONS[self._must_end])
        elif end in END_REASONS:
            self._close(END_REASONS[end])
        elif self.session.checkpoint.resumable or end is LegEnd.DISPLACED:
            self.session.suspend()
            self._state_changed()
            self.wait_for_leg()
        else:
            lost = end is LegEnd.CONNECTION_LOST
            self._close(EndReason.CONNECTION_LOST if lost else EndReason.FAILED)
        self._leg_gone.set()

    def _close(self, reason: EndReason | None) -> asyncio.Task[None]:
        """Begin to end the session, once; without a reason it only is no longer ours."""
        if self._closing is None:
            self._expiry.clear()
            self._limits.clear()
            if reason is not None:
                self.session.end(reason)
                self.events.emit(SessionStateChanged(SessionState.ENDED, reason))
            self._closing = asyncio.create_task(
                self._close_books(), name=f"{self.session.id} closing"
            )
        return self._closing

    async def _close_books(self) -> None:
        try:
            await self._checkpoints.close()
        finally:
            self._on_over(self)

    def _expire(self) -> None:
        """Nobody came: end it, if it is still ours."""
        self._closing = asyncio.create_task(self._end_expired(), name=f"{self.session.id} expiry")

    async def _end_expired(self) -> None:
        await self._checkpoints.write()
        if not self._checkpoints.is_lost:
            reason = self._nobody_came()
            self.session.end(reason)
            self.events.emit(SessionStateChanged(SessionState.ENDED, reason))
        await self._close_books()

    def _nobody_came(self) -> EndReason:
        was_connected = self.session.state is SessionState.SUSPENDED
        return EndReason.CONNECTION_LOST if was_connected else EndReason.NEVER_CONNECTED

    def _went_elsewhere(self) -> None:
        """Another owner has the session."""
        if self._leg is not None:
            self._leg.stop(LegEnd.DISPLACED)
        else:
            self._close(None)

    def _take_in(self, payload: EventPayload) -> None:
        """Take in what happened in the running leg, and tell the listeners."""
        self._limits.note(payload)
        match payload:
            case ClientConnected():
                self.session.client_connected()
                began = self.session.checkpoint.connected_at or self._clock.wall()
                self._limits.start(self._clock.wall() - began)
            case UserTurnEnded(text=text) if text:
                self.session.user_said(text)
                self._checkpoints.changed()
            case AnswerWritten(text=text):
                self.session.agent_intends(text)
                self._checkpoints.changed()
            case SentenceHeard(text=text):
                self.session.agent_heard(text)
                self._checkpoints.changed()
            case AgentTurnEnded(interrupted=interrupted, lost=lost):
                self.session.agent_turn_finished(interrupted=interrupted)
                if interrupted and not lost:
                    self.session.agent_intends("")
                self._checkpoints.changed()
        self.events.emit(payload)

    def _to_keep(self) -> Checkpoint:
        """Return the session as it is to be kept now."""
        checkpoint = self.session.checkpoint
        if self._books.keeps_words or checkpoint.state is not SessionState.ENDED:
            return checkpoint
        return replace(checkpoint, conversation=Conversation(), unheard="")

    def _write_down(self, event: Event) -> None:
        self.session.events_counted(event.number)
        self._books.journal.note(self.session.checkpoint, self.claim.epoch, event)

    def _state_changed(self) -> None:
        self.events.emit(SessionStateChanged(self.session.state))
        self._checkpoints.changed()

    def _stop_leg(self, end: LegEnd) -> None:
        if self._leg is not None:
            self._leg.stop(end)
