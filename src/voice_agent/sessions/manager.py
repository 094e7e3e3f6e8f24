"""The sessions of this process: created, found, connected, counted, closed."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from loguru import logger

from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock
from voice_agent.core.errors import (
    AtCapacityError,
    SessionEndedError,
    SessionNotConnectedError,
    SessionNotFoundError,
    StorageUnavailableError,
)
from voice_agent.core.events import (
    Event,
    EventListener,
    EventPayload,
    EventStream,
    SessionStateChanged,
    TransportsPlanned,
)
from voice_agent.core.process_ids import FIRST_PROCESS, new_id, short_id
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, Session, SessionOrigin, SessionState
from voice_agent.core.session_journal import NoJournal, SessionJournal
from voice_agent.core.session_store import Claim, SessionStore
from voice_agent.core.variables import complete
from voice_agent.sessions.leg import NOBODY_THERE, Leg, LegEnd, PipelineBuilder
from voice_agent.sessions.live_session import Books, LiveSession, Waits
from voice_agent.sessions.lost_sessions import LostSessions
from voice_agent.sessions.tokens import SessionTokens
from voice_agent.transports.base import CloseReason, Connection, ConnectionGoneError
from voice_agent.transports.factory import TransportStep

FIRST_EPOCH = 1
"""Of the owner that creates a session."""
ANYBODY = SessionOrigin()
"""Who comes without a credential."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class AgentSource(Protocol):
    """Where agents come from; `bot.agent_catalog` has one."""

    async def find(self, agent_id: str, workspace_id: str) -> Agent:
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
    keeps_words: bool = True
    """Whether the store keeps what was said when a session is over."""


@dataclass(frozen=True)
class NewSession:
    """What the client gets.

    The token lets it in until `expires_at`, seconds of wall time; within `resume_window_s` of a
    loss it may come back.
    """

    session_id: str
    token: str
    expires_at: float
    resume_window_s: float


class SessionManager:
    """Owns every live session of this process.

    `erasers` forget what other rooms keep of a session.
    """

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
        journal: SessionJournal | None = None,
        listeners: Iterable[EventListener] = (),
        erasers: Iterable[Callable[[str], Awaitable[None]]] = (),
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
        self._erasers = tuple(erasers)
        self._journal = journal or NoJournal()
        self._live: dict[str, LiveSession] = {}
        self._lost = LostSessions(
            store, self._claims, self._went, self._end_lost, policy.resume_window_s
        )
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

    @property
    def load(self) -> float:
        """How much of what this process may have it has, from 0 to 1."""
        return min(1.0, (self.live_count + self._creating) / self._policy.max_sessions)

    def live_states(self) -> Mapping[SessionState, int]:
        """Return how many live sessions are in each state."""
        return Counter(live.session.state for live in self._live.values())

    def watch_over_lost_ones(self) -> None:
        """Begin to end the sessions of processes that are gone."""
        self._lost.start()

    async def create(
        self,
        agent_id: str | None = None,
        *,
        resumable: bool = True,
        origin: SessionOrigin = ANYBODY,
        metadata: Mapping[str, Any] = NOTHING,
        variables: Mapping[str, str] = NOTHING,
        plan: Sequence[TransportStep] = (),
    ) -> NewSession:
        """Create a session, of the default agent unless named, and its token.

        Args:
            agent_id: The agent to talk to.
            resumable: Whether the session outlives a lost connection by the resume window.
            origin: Who wants it.
            metadata: What he notes of it.
            variables: Values for the placeholders in the agent's words.
            plan: What the client is told to try, the best first.

        Raises:
            AgentNotFoundError: No agent has that id.
            AtCapacityError: This host runs as many sessions as it may, or is stopping.
            KeyLimitError: The key has as many sessions as it may.
            StorageUnavailableError: The session could not be kept.
            VariablesInvalidError: They are not those of the agent.
        """
        self._require_running()
        if self.live_count + self._creating >= self._policy.max_sessions:
            allowed = self._policy.host_sessions or self._policy.max_sessions
            raise AtCapacityError(
                f"all {allowed} sessions of this host are taken; try again "
                "later or raise VOICE_AGENT_MAX_SESSIONS"
            )
        session_id = new_id(self._process)
        now = self._clock.wall()
        self._creating += 1
        try:
            agent = await self._agents.find(
                agent_id or self._policy.default_agent, origin.workspace_id
            )
            checkpoint = Checkpoint(
                session_id,
                agent,
                created_at=now,
                resumable=resumable,
                workspace_id=origin.workspace_id,
                key_id=origin.key_id,
                metadata=dict(metadata),
                variables=complete(agent, variables),
                transport=plan[0].kind if plan else None,
            )
            live = self._keep(checkpoint, await self._enter(checkpoint, origin))
        finally:
            self._creating -= 1
        live.events.emit(SessionStateChanged(SessionState.CREATED))
        if plan:
            kinds, reasons = [step.kind for step in plan], [step.reason for step in plan]
            live.events.emit(TransportsPlanned(kinds, reasons))
        window_s = self._policy.resume_window_s
        expires_at = now + self._policy.connect_timeout_s + agent.limits.max_duration_s + window_s
        token = self._tokens.issue(session_id, expires_at)
        return NewSession(session_id, token, expires_at, window_s)

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
            stopping = self._is_closing
            close_reason = CloseReason.SERVER_STOPPING if stopping else CloseReason.NORMAL
        except (AtCapacityError, StorageUnavailableError) as error:
            log.warning("the connection could not be served: {}", error)
            close_reason = CloseReason.TRY_AGAIN_LATER
        except asyncio.CancelledError:
            close_reason = CloseReason.SERVER_STOPPING
            raise
        except Exception:
            log.exception("the connection could not be served")
        finally:
            await connection.close(close_reason)

    async def end(self, session_id: str) -> None:
        """End a session and its leg; one that is over already stays as it is.

        One that another process has is taken over first.

        Raises:
            SessionNotFoundError: No session has that id.
            StorageUnavailableError: It is not here, and the store does not answer.
        """
        with contextlib.suppress(SessionEndedError):
            await (await self._own_session(session_id)).end(LegEnd.SESSION_ENDED)

    async def erase(self, session_id: str) -> None:
        """End a session, and forget it in the store and in the journal.

        Raises:
            StorageUnavailableError: One of them does not answer.
        """
        with contextlib.suppress(SessionNotFoundError):
            await self.end(session_id)
        await self._store.remove(session_id)
        for erase in self._erasers:
            await erase(session_id)
        # Last, so that what failed before can be tried again.
        await self._journal.erase(session_id)

    async def say(self, session_id: str, text: str) -> None:
        """Let the agent say `text`, when it has said what it is saying.

        Raises:
            SessionEndedError: The session is over.
            SessionNotConnectedError: Nobody is there, or another process has the session.
            SessionNotFoundError: No session has that id.
        """
        await (await self._running(session_id)).say(text)

    async def take_text(self, session_id: str, text: str) -> None:
        """Take `text` as a turn of the user; raises as `say` does."""
        await (await self._running(session_id)).take_text(text)

    def listen(
        self, session_id: str, listener: EventListener, on_gone: Callable[[], None]
    ) -> tuple[Sequence[Event], Callable[[], None]] | None:
        """Call `listener` with every further event of a session that this process has.

        `on_gone` is called when it has it no longer.

        Returns:
            The last events so far and what stops it; None when the session is not here.
        """
        live = self._live.get(session_id)
        if live is None:
            return None
        return live.events.history, live.events.listen(listener, on_gone)

    def live(self, session_id: str) -> tuple[Checkpoint, Sequence[Event]] | None:
        """Return a session of this process as it is now and its last events, None of others."""
        live = self._live.get(session_id)
        return None if live is None else (live.session.checkpoint, live.events.history)

    async def read(self, session_id: str) -> Checkpoint:
        """Return a session as it is now, or as it was when it ended.

        Raises:
            SessionNotFoundError: No session has that id, or it is forgotten.
        """
        live = self._live.get(session_id)
        return live.session.checkpoint if live else await self._store.load(session_id)

    async def close(self) -> None:
        """Stop every session and wait until nothing of them runs.

        Those that another process, or this one started anew, can go on with stay as they are;
        the others end.
        """
        self._is_closing = True
        await self._lost.stop()
        async with asyncio.TaskGroup() as ending:
            for live in list(self._live.values()):
                stays = self._store.outlives_process and live.session.checkpoint.resumable
                ending.create_task(live.leave() if stays else live.end(LegEnd.SERVER_STOPPED))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _require_running(self) -> None:
        if self._is_closing:
            raise AtCapacityError("this server is stopping; try another one")

    async def _enter(self, checkpoint: Checkpoint, origin: SessionOrigin) -> Claim:
        """Keep a new session in the journal and in the store, or in neither."""
        session_id = checkpoint.session_id
        await self._journal.begin(checkpoint, FIRST_EPOCH, origin.limits)
        try:
            claim = await self._store.create(checkpoint, self._owner)
            if self._is_closing:
                await self._store.remove(session_id)
            self._require_running()
        except BaseException:
            await self._journal.erase(session_id)
            raise
        return claim

    async def _running(self, session_id: str) -> LiveSession:
        live = self._live.get(session_id)
        if live is not None:
            return live
        if (await self._store.load(session_id)).state is SessionState.ENDED:
            raise SessionEndedError("this session is over")
        raise SessionNotConnectedError(NOBODY_THERE)

    def _claims(self) -> Sequence[Claim]:
        return [live.claim for live in self._live.values()]

    def _went(self, session_id: str) -> None:
        if session_id in self._live:
            self._live[session_id].check_ownership()

    async def _end_lost(self, session_id: str) -> None:
        with contextlib.suppress(SessionEndedError, SessionNotFoundError, AtCapacityError):
            await (await self._own_session(session_id)).end_lost()

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
            live = self._keep(await self._with_last_event(checkpoint), claim)
            live.resume()
            return live

    async def _with_last_event(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return it with the number of the last event that its owner has told anybody of.

        The checkpoint may be older than what reached the journal.
        """
        try:
            last = await self._journal.last_number(checkpoint.session_id)
        except StorageUnavailableError as error:
            logger.warning("the journal does not answer: {}", error)
            return checkpoint
        return replace(checkpoint, events=max(last, checkpoint.events))

    def _keep(self, checkpoint: Checkpoint, claim: Claim) -> LiveSession:
        session = Session(checkpoint, self._clock.wall)
        live = LiveSession(
            session,
            Books(self._store, claim, self._journal, keeps_words=self._policy.keeps_words),
            EventStream(session.id, self._clock, self._listeners, checkpoint.events),
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
            leg_id=f"{short_id(session.id)}-{session.checkpoint.legs + 1}",
            session=session,
            connection=connection,
            pool=self._pool,
            pipelines=self._pipelines,
            sink=sink,
        )

    def _forget(self, live: LiveSession) -> None:
        self._live.pop(live.session.id, None)
        live.events.close()
        self._journal.leave(live.session.id)

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
