"""The sessions of this process: created, found, connected, counted, closed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock
from voice_agent.core.errors import (
    AtCapacityError,
    SessionEndedError,
    SessionNotFoundError,
)
from voice_agent.core.events import (
    Event,
    EventListener,
    EventPayload,
    EventStream,
    SessionStateChanged,
)
from voice_agent.core.process_ids import FIRST_PROCESS, new_id
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, Session, SessionState
from voice_agent.core.session_store import Claim, SessionStore
from voice_agent.sessions.leg import Leg, LegEnd, PipelineBuilder
from voice_agent.sessions.live_session import LiveSession, Waits
from voice_agent.sessions.tokens import SessionTokens
from voice_agent.transports.base import CloseReason, Connection, ConnectionGoneError

LEG_ID_LENGTH = 12
"""How many characters of its session's id name a leg: the process, and enough to be told apart."""
ENDED_EVENTS_LIMIT = 50
"""Of how many sessions that are over the events are kept."""


class AgentSource(Protocol):
    """Where agents come from; `bot.agents` has one."""

    def get(self, agent_id: str) -> Agent:
        """Return the agent as it is now, or raise AgentNotFoundError."""


@dataclass(frozen=True)
class SessionPolicy:
    """Limits of this process, times in seconds."""

    default_agent: str
    max_sessions: int
    host_sessions: int | None = None
    """How many sessions all processes of this host may have; None: this one is alone."""
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
        process: str = FIRST_PROCESS,
    ) -> None:
        self._process = process
        self._owner = owner
        self._agents = agents
        self._store = store
        self._pool = pool
        self._pipelines = pipelines
        self._tokens = tokens
        self._policy = policy
        self._clock = clock
        self._listeners = tuple(listeners)
        self._live: dict[str, LiveSession] = {}
        self._ended_events: dict[str, Sequence[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking_over = asyncio.Lock()
        self._creating = 0
        self._is_closing = False

    @property
    def is_closing(self) -> bool:
        """Whether no further session is taken."""
        return self._is_closing

    @property
    def live_count(self) -> int:
        """How many sessions are not over."""
        return sum(live.session.state is not SessionState.ENDED for live in self._live.values())

    def live_states(self) -> Mapping[SessionState, int]:
        """Return how many live sessions are in each state."""
        return Counter(live.session.state for live in self._live.values())

    async def create(self, agent_id: str | None = None, *, resumable: bool = True) -> NewSession:
        """Create a session, of the default agent unless named, and its token.

        Args:
            agent_id: The agent to talk to.
            resumable: Whether the session outlives a lost connection by the resume window.

        Raises:
            AgentNotFoundError: No agent has that id.
            AtCapacityError: This host runs as many sessions as it may, or is stopping.
        """
        self._require_running()
        if self.live_count + self._creating >= self._policy.max_sessions:
            allowed = self._policy.host_sessions or self._policy.max_sessions
            raise AtCapacityError(
                f"all {allowed} sessions of this host are taken; try again "
                "later or raise VOICE_AGENT_MAX_SESSIONS"
            )
        agent = self._agents.get(agent_id or self._policy.default_agent)
        session_id = new_id(self._process)
        now = self._clock.wall()
        checkpoint = Checkpoint(session_id, agent, created_at=now, resumable=resumable)
        self._creating += 1
        try:
            claim = await self._store.create(checkpoint, self._owner)
            if self._is_closing:
                await self._store.remove(session_id)
            self._require_running()
            live = self._keep(checkpoint, claim)
        finally:
            self._creating -= 1
        live.events.emit(SessionStateChanged(SessionState.CREATED))
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

    def start_leg(self, session_id: str, connection: Connection) -> None:
        """Run `connection` as the session's next leg, in a task that this manager owns."""
        self._own(self.run_leg(session_id, connection), f"session {session_id} leg")

    async def run_leg(self, session_id: str, connection: Connection) -> None:
        """Run `connection` as the session's next leg; return when it has ended.

        A connection that carries nothing costs nothing: it is closed after a while. What goes
        wrong is logged and the connection closed; nothing but a cancellation is raised.
        """
        log = logger.bind(session_id=session_id, connection_id=connection.id)
        close_reason = CloseReason.FAILED
        try:
            if session_id in self._live:
                self._live[session_id].attempts.arrived(connection.attempt)
            await connection.wait_carrying(timeout_s=self._policy.carrying_timeout_s)
            await (await self._own_session(session_id)).carry(connection)
            close_reason = CloseReason.NORMAL
        except ConnectionGoneError as gone:
            log.info("{}", gone)
            close_reason = CloseReason.SILENT
            if session_id in self._live:
                await self._live[session_id].end_unreachable()
        except (SessionEndedError, SessionNotFoundError) as error:
            log.info("{}", error)
            close_reason = CloseReason.NORMAL
        except asyncio.CancelledError:
            close_reason = CloseReason.SERVER_STOPPING
            raise
        except Exception:
            log.exception("the connection could not be served")
        finally:
            await connection.close(close_reason)

    async def end(self, session_id: str) -> None:
        """End a session and its leg; one that is over already stays as it is.

        Raises:
            SessionNotFoundError: No session has that id.
        """
        if session_id in self._live:
            await self._live[session_id].end(LegEnd.SESSION_ENDED)
        else:
            await self._store.load(session_id)

    async def read(self, session_id: str) -> Checkpoint:
        """Return a session as it is now, or as it was when it ended.

        Raises:
            SessionNotFoundError: No session has that id, or it is forgotten.
        """
        live = self._live.get(session_id)
        return live.session.checkpoint if live else await self._store.load(session_id)

    def events(self, session_id: str) -> Sequence[Event]:
        """Return the last events of a session, none of one that is over for long."""
        live = self._live.get(session_id)
        return live.events.history if live else self._ended_events.get(session_id, ())

    async def list(self) -> Sequence[Checkpoint]:
        """Return all sessions the store knows, the live ones as they are now, newest first."""
        return [
            self._live[kept.session_id].session.checkpoint
            if kept.session_id in self._live
            else kept
            for kept in await self._store.list()
        ]

    async def close(self) -> None:
        """End every session and wait until nothing of them runs."""
        self._is_closing = True
        async with asyncio.TaskGroup() as ending:
            for live in list(self._live.values()):
                ending.create_task(live.end(LegEnd.SERVER_STOPPED))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _require_running(self) -> None:
        if self._is_closing:
            raise AtCapacityError("this server is stopping; try another one")

    async def _own_session(self, session_id: str) -> LiveSession:
        """Return the session, taken over from its last checkpoint if this process has it not.

        Raises:
            SessionEndedError: It is over.
            SessionNotFoundError: There is none with that id.
        """
        async with self._taking_over:
            live = self._live.get(session_id)
            if live is not None:
                return live
            self._require_running()
            if (await self._store.load(session_id)).state is SessionState.ENDED:
                raise SessionEndedError("this session is over; start a new one")
            claim, checkpoint = await self._store.claim(session_id, self._owner)
            live = self._keep(checkpoint, claim)
            live.resume()
            return live

    def _keep(self, checkpoint: Checkpoint, claim: Claim) -> LiveSession:
        session = Session(checkpoint, self._clock.wall)
        live = LiveSession(
            session,
            claim,
            self._store,
            EventStream(session.id, self._clock, self._listeners),
            self._clock,
            Waits(self._policy.connect_timeout_s, self._policy.resume_window_s),
            self._build_leg,
            self._forget,
        )
        self._live[session.id] = live
        live.wait_for_leg()
        return live

    def _build_leg(
        self, session: Session, connection: Connection, sink: Callable[[EventPayload], None]
    ) -> Leg:
        return Leg(
            leg_id=f"{session.id[:LEG_ID_LENGTH]}-{session.checkpoint.legs + 1}",
            session=session,
            connection=connection,
            pool=self._pool,
            pipelines=self._pipelines,
            sink=sink,
        )

    def _forget(self, live: LiveSession) -> None:
        session_id = live.session.id
        self._live.pop(session_id, None)
        self._ended_events[session_id] = live.events.history
        while len(self._ended_events) > ENDED_EVENTS_LIMIT:
            del self._ended_events[next(iter(self._ended_events))]

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
