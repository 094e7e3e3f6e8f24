"""A session that this process owns: its leg, its timers, its checkpoints."""

import asyncio
from collections.abc import Callable

from loguru import logger

from voice_agent.core.clock import Clock
from voice_agent.core.errors import OwnershipLostError
from voice_agent.core.events import (
    AgentTurnEnded,
    ClientConnected,
    EventPayload,
    EventStream,
    SentenceHeard,
    SessionStateChanged,
    SpeakingStarted,
    TranscriptReceived,
    UserTurnEnded,
)
from voice_agent.core.session import EndReason, Session, SessionState
from voice_agent.core.session_store import Claim, SessionStore
from voice_agent.sessions.leg import Leg, LegEnd
from voice_agent.transports.base import Attempt

ACTIVITY = (SpeakingStarted, TranscriptReceived, UserTurnEnded, SentenceHeard)
"""Events that show that a session is not idle."""


class Deadline:
    """One timer that can be set anew or cleared."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Call in `seconds`, instead of what was set before."""
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._call)

    def clear(self) -> None:
        """Do not call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class LiveSession:
    """Owns one session while it is not over.

    Everything that is said reaches the session through `sink`; each sentence heard and each end
    of a turn becomes a checkpoint, written by one task, off the audio path, the latest one only.
    """

    def __init__(
        self,
        session: Session,
        claim: Claim,
        store: SessionStore,
        events: EventStream,
        clock: Clock,
    ) -> None:
        self.session = session
        self.events = events
        self.leg: Leg | None = None
        self.attempt: Attempt | None = None
        self.is_lost = False
        self._claim = claim
        self._store = store
        self._clock = clock
        self._last_activity = clock.monotonic()
        self._first_client_at: float | None = None
        self._dirty = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name=f"session {session.id} checkpoints")
        self._idle = Deadline(self._check_idle)
        self._longest = Deadline(lambda: self._stop_leg(LegEnd.MAX_DURATION))

    def sink(self, payload: EventPayload) -> None:
        """Take in what happened in the running leg."""
        if isinstance(payload, ACTIVITY):
            self._last_activity = self._clock.monotonic()
        match payload:
            case ClientConnected():
                self._start_limits()
            case UserTurnEnded(text=text) if text:
                self.session.user_said(text)
                self._dirty.set()
            case SentenceHeard(text=text):
                self.session.agent_heard(text)
                self._dirty.set()
            case AgentTurnEnded(interrupted=interrupted):
                self.session.agent_turn_finished(interrupted=interrupted)
                self._dirty.set()
        self.events.emit(payload)

    def leg_began(self, leg: Leg) -> None:
        """A leg is about to run.

        Raises:
            IllegalTransitionError: The session is over or has a leg.
        """
        self.session.connect()
        self.leg = leg
        self.attempt = leg.connection.attempt
        self._state_changed()

    def leg_ended(self) -> None:
        """The leg is gone. Saying so again does nothing."""
        self.leg = None
        self.attempt = None
        self._idle.clear()
        self._longest.clear()

    def suspend(self) -> None:
        """The session waits for another leg."""
        self.session.suspend()
        self._state_changed()

    async def end(self, reason: EndReason) -> None:
        """End the session and keep its last checkpoint. Ending it again does nothing."""
        self._idle.clear()
        self._longest.clear()
        if self.session.state is not SessionState.ENDED:
            self.session.end(reason)
            self.events.emit(SessionStateChanged(SessionState.ENDED, reason))
        await self._stop_writing()
        await self._checkpoint()
        await self._store.release(self._claim)

    async def abandon(self) -> None:
        """Let go of a session that another owner has claimed: nothing more is written."""
        self._idle.clear()
        self._longest.clear()
        await self._stop_writing()

    async def _stop_writing(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    def _state_changed(self) -> None:
        self.events.emit(SessionStateChanged(self.session.state))
        self._dirty.set()

    def _start_limits(self) -> None:
        now = self._clock.monotonic()
        self._last_activity = now
        if self._first_client_at is None:
            self._first_client_at = now
        limits = self.session.agent.limits
        self._idle.set(limits.idle_timeout_s)
        self._longest.set(max(0.0, limits.max_duration_s - (now - self._first_client_at)))

    def _check_idle(self) -> None:
        limit = self.session.agent.limits.idle_timeout_s
        quiet = self._clock.monotonic() - self._last_activity
        if quiet >= limit:
            self._stop_leg(LegEnd.IDLE)
        else:
            self._idle.set(limit - quiet)

    def _stop_leg(self, end: LegEnd) -> None:
        if self.leg is not None:
            self.leg.stop(end)

    async def _write(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._checkpoint()

    async def _checkpoint(self) -> None:
        try:
            await self._store.checkpoint(self._claim, self.session.checkpoint)
        except OwnershipLostError as error:
            logger.bind(session_id=self.session.id).warning("the session went elsewhere: {}", error)
            self.is_lost = True
            self._stop_leg(LegEnd.DISPLACED)
        except Exception:  # noqa: BLE001 - a store that fails must not end the call
            logger.bind(session_id=self.session.id).exception("a checkpoint could not be written")
