"""The life of sessions: created, connected by legs, suspended, ended."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock
from voice_agent.core.errors import (
    AtCapacityError,
    SessionEndedError,
    TokenInvalidError,
)
from voice_agent.core.events import Event, EventListener, EventStream, SessionStateChanged
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, EndReason, Session, SessionState
from voice_agent.core.session_store import SessionStore
from voice_agent.sessions.leg import Leg, LegEnd, PipelineBuilder
from voice_agent.sessions.live_session import Deadline, LiveSession
from voice_agent.sessions.tokens import SessionTokens
from voice_agent.transports.base import CloseReason, Connection, ConnectionGoneError

ENDED_EVENTS_LIMIT = 50
"""Of how many sessions that are over the events are kept."""

END_REASONS = {
    LegEnd.CLIENT_LEFT: EndReason.CLIENT_LEFT,
    LegEnd.SESSION_ENDED: EndReason.REQUESTED,
    LegEnd.SERVER_STOPPED: EndReason.SERVER_STOPPED,
    LegEnd.IDLE: EndReason.IDLE,
    LegEnd.MAX_DURATION: EndReason.MAX_DURATION,
}
"""The leg ends that end the session too; after the others it waits for another leg."""


class AgentSource(Protocol):
    """Where agents come from; `bot.agents` has one."""

    def get(self, agent_id: str) -> Agent:
        """Return the agent as it is now, or raise AgentNotFoundError."""


@dataclass(frozen=True)
class SessionPolicy:
    """Limits of this host, times in seconds."""

    default_agent: str
    max_sessions: int
    resume_window_s: float = 60.0
    connect_timeout_s: float = 60.0
    """How long a session that was created waits for its first connection."""
    carrying_timeout_s: float = 15.0
    """How long a connection may stay silent before it is closed."""


@dataclass(frozen=True)
class NewSession:
    """What the client gets: the token lets it in until `expires_at`, seconds of wall time."""

    session_id: str
    token: str
    expires_at: float


class _Entry:
    """A live session in the manager's books."""

    def __init__(self, live: LiveSession, *, resumable: bool, expiry: Deadline) -> None:
        self.live = live
        self.resumable = resumable
        self.expiry = expiry
        self.claiming = asyncio.Lock()
        self.leg_gone = asyncio.Event()
        self.leg_gone.set()
        self.is_finishing = False
        self.finished = asyncio.Event()


class SessionManager:
    """Owns every live session of this process."""

    def __init__(
        self,
        *,
        owner: str,
        agents: AgentSource,
        store: SessionStore,
        pool: ServicePool,
        pipelines: PipelineBuilder,
        tokens: SessionTokens,
        policy: SessionPolicy,
        clock: Clock,
        listeners: Iterable[EventListener] = (),
    ) -> None:
        self._owner = owner
        self._agents = agents
        self._store = store
        self._pool = pool
        self._pipelines = pipelines
        self._tokens = tokens
        self._policy = policy
        self._clock = clock
        self._listeners = tuple(listeners)
        self._entries: dict[str, _Entry] = {}
        self._ended_events: dict[str, Sequence[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._creating = 0
        self._is_closing = False

    @property
    def live_count(self) -> int:
        """How many sessions are not over."""
        return len(self._entries)

    async def create(self, agent_id: str | None = None, *, resumable: bool = True) -> NewSession:
        """Create a session, of the default agent unless named, and its token.

        Args:
            agent_id: The agent to talk to.
            resumable: Whether the session outlives a lost connection by the resume window.

        Raises:
            AgentNotFoundError: No agent has that id.
            AtCapacityError: This host runs as many sessions as it may, or is stopping.
        """
        if self._is_closing:
            raise AtCapacityError("this server is stopping; try another one")
        if len(self._entries) + self._creating >= self._policy.max_sessions:
            raise AtCapacityError(
                f"all {self._policy.max_sessions} sessions of this host are taken; try again "
                "later or raise VOICE_AGENT_MAX_SESSIONS"
            )
        agent = self._agents.get(agent_id or self._policy.default_agent)
        session_id = secrets.token_urlsafe(18)
        now = self._clock.wall()
        checkpoint = Checkpoint(session_id, agent, created_at=now)
        self._creating += 1
        try:
            claim = await self._store.create(checkpoint, self._owner)
        finally:
            self._creating -= 1
        events = EventStream(session_id, self._clock, self._listeners)
        session = Session(checkpoint, self._clock.wall)
        live = LiveSession(session, claim, self._store, events, self._clock)
        expiry = Deadline(lambda: self._expire(session_id))
        entry = _Entry(live, resumable=resumable, expiry=expiry)
        self._entries[session_id] = entry
        entry.expiry.set(self._policy.connect_timeout_s)
        events.emit(SessionStateChanged(SessionState.CREATED))
        expires_at = (
            now
            + self._policy.connect_timeout_s
            + agent.limits.max_duration_s
            + self._policy.resume_window_s
        )
        return NewSession(session_id, self._tokens.issue(session_id, expires_at), expires_at)

    def session_id_of(self, token: str) -> str:
        """Return whose token it is; raise TokenInvalidError when it is nobody's or expired."""
        return self._tokens.session_id_of(token)

    def authenticate(self, session_id: str, token: str) -> None:
        """Let pass who has the session's token, while the session lasts.

        Raises:
            TokenInvalidError: The token is not valid, expired, or another session's.
            SessionEndedError: The session is over.
        """
        if not secrets.compare_digest(self.session_id_of(token), session_id):
            raise TokenInvalidError("this token is another session's")
        self.require_open(session_id)

    def require_open(self, session_id: str) -> None:
        """Raise SessionEndedError unless this process has the session and it is not over."""
        self._entry(session_id)

    def start_leg(self, session_id: str, connection: Connection) -> None:
        """Run `connection` as the session's next leg, in a task that this manager owns."""
        self._own(self.run_leg(session_id, connection), f"session {session_id} leg")

    async def run_leg(self, session_id: str, connection: Connection) -> None:
        """Run `connection` as the session's next leg; return when it has ended.

        A connection that carries nothing costs nothing: it is closed after a while. The first of
        an attempt that carries gets the session, the others of it are closed; one of a newer
        attempt displaces what runs.
        """
        log = logger.bind(session_id=session_id, connection_id=connection.id)
        try:
            entry = self._entry(session_id)
            await connection.wait_carrying(timeout_s=self._policy.carrying_timeout_s)
            leg = await self._claim(entry, connection)
            if leg is None:
                await connection.close(CloseReason.LOST_RACE)
                return
            try:
                end = await leg.run()
                await self._after_leg(entry, end)
            finally:
                entry.live.leg_ended()
                entry.leg_gone.set()
        except ConnectionGoneError as gone:
            log.info("{}", gone)
            await connection.close(CloseReason.SILENT)
            await self._end_if_unreachable(session_id)
        except SessionEndedError as error:
            log.info("{}", error)
            await connection.close(CloseReason.NORMAL)
        except asyncio.CancelledError:
            await connection.close(CloseReason.SERVER_STOPPING)
            raise

    async def end(self, session_id: str) -> None:
        """End a session and its leg; one that is over already stays as it is.

        Raises:
            SessionNotFoundError: No session has that id.
        """
        entry = self._entries.get(session_id)
        if entry is None:
            await self._store.load(session_id)
        else:
            await self._end(entry, LegEnd.SESSION_ENDED)

    async def read(self, session_id: str) -> Checkpoint:
        """Return a session as it is now, or as it was when it ended.

        Raises:
            SessionNotFoundError: No session has that id, or it is forgotten.
        """
        entry = self._entries.get(session_id)
        return entry.live.session.checkpoint if entry else await self._store.load(session_id)

    def events(self, session_id: str) -> Sequence[Event]:
        """Return the last events of a session, none of one that is over for long."""
        entry = self._entries.get(session_id)
        return entry.live.events.history if entry else self._ended_events.get(session_id, ())

    async def list(self) -> Sequence[Checkpoint]:
        """Return all sessions the store knows, the live ones as they are now, newest first."""
        return [
            self._entries[kept.session_id].live.session.checkpoint
            if kept.session_id in self._entries
            else kept
            for kept in await self._store.list()
        ]

    async def close(self) -> None:
        """End every session and wait until nothing of them runs."""
        self._is_closing = True
        async with asyncio.TaskGroup() as ending:
            for entry in list(self._entries.values()):
                ending.create_task(self._end(entry, LegEnd.SERVER_STOPPED))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _entry(self, session_id: str) -> _Entry:
        try:
            return self._entries[session_id]
        except KeyError:
            raise SessionEndedError("this session is over, or never was; start a new one") from None

    async def _claim(self, entry: _Entry, connection: Connection) -> Leg | None:
        """Return the leg that `connection` gets, or None when its attempt has one already."""
        live = entry.live
        async with entry.claiming:
            if live.leg is not None:
                if connection.attempt is not None and connection.attempt == live.attempt:
                    return None
                live.leg.stop(LegEnd.DISPLACED)
                await entry.leg_gone.wait()
            if self._entries.get(live.session.id) is not entry:
                raise SessionEndedError("this session is over; start a new one")
            leg = Leg(
                leg_id=f"{live.session.id[:8]}-{live.session.checkpoint.legs + 1}",
                session=live.session,
                connection=connection,
                pool=self._pool,
                pipelines=self._pipelines,
                sink=live.sink,
            )
            entry.expiry.clear()
            entry.leg_gone.clear()
            live.leg_began(leg)
            return leg

    async def _after_leg(self, entry: _Entry, end: LegEnd) -> None:
        """End the session, or let it wait for another leg, as the leg's end says."""
        entry.live.leg_ended()
        if end in END_REASONS:
            await self._finish(entry, END_REASONS[end])
        elif entry.live.is_lost:
            self._entries.pop(entry.live.session.id, None)
            await entry.live.abandon()
        elif entry.resumable or end is LegEnd.DISPLACED:
            entry.live.suspend()
            entry.expiry.set(self._policy.resume_window_s)
        else:
            lost = end is LegEnd.CONNECTION_LOST
            await self._finish(entry, EndReason.CONNECTION_LOST if lost else EndReason.FAILED)

    async def _end_if_unreachable(self, session_id: str) -> None:
        """End a session that had one connection to come by, when that one came to nothing."""
        entry = self._entries.get(session_id)
        if entry is not None and not entry.resumable and entry.live.leg is None:
            await self._finish(entry, EndReason.NEVER_CONNECTED)

    async def _end(self, entry: _Entry, leg_end: LegEnd) -> None:
        """End the session through its leg when it has one, and wait until it is over."""
        # Again when a newer connection displaced the leg meanwhile.
        while entry.live.leg is not None:
            entry.live.leg.stop(leg_end)
            await entry.leg_gone.wait()
        await self._finish(entry, END_REASONS[leg_end])

    async def _finish(self, entry: _Entry, reason: EndReason) -> None:
        """End a session without a leg, once; return when its last checkpoint is written."""
        entry.expiry.clear()
        if entry.is_finishing:
            await entry.finished.wait()
            return
        entry.is_finishing = True
        try:
            await entry.live.end(reason)
        finally:
            session_id = entry.live.session.id
            self._entries.pop(session_id, None)
            self._ended_events[session_id] = entry.live.events.history
            while len(self._ended_events) > ENDED_EVENTS_LIMIT:
                del self._ended_events[next(iter(self._ended_events))]
            entry.finished.set()

    def _expire(self, session_id: str) -> None:
        entry = self._entries.get(session_id)
        if entry is not None and entry.live.leg is None:
            was_connected = entry.live.session.state is SessionState.SUSPENDED
            reason = EndReason.CONNECTION_LOST if was_connected else EndReason.NEVER_CONNECTED
            self._own(self._finish(entry, reason), f"session {session_id} expiry")

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
