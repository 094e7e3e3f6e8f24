"""Whole conversations in a test: real sessions and pipelines, scripted providers, no I/O.

    @pytest.mark.virtual_time
    async def test_the_agent_knows_its_hours():
        async with ConversationHarness(agent, replies={"open": "From nine to six."}) as harness:
            call = await harness.call()
            await call.agent_says("How can I help?")
            await call.say("When are you open?")
            await call.agent_says("From nine to six.")

Leaving the block ends every call and fails the test when anything of them is left.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

from voice_agent.audio.recording.recorder import Recorder
from voice_agent.bot.pipeline_factory import Engines, PipelineFactory
from voice_agent.core.agent import Agent
from voice_agent.core.clock import Clock, SystemClock
from voice_agent.core.errors import AgentNotFoundError
from voice_agent.core.events import Event, EventListener, EventPayload, SessionStateChanged
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import ServicePool
from voice_agent.core.session import Checkpoint, SessionState
from voice_agent.core.session_journal import SessionJournal
from voice_agent.core.session_store import SessionStore
from voice_agent.services.provider import Provider, Stage
from voice_agent.sessions.manager import SessionManager, SessionPolicy
from voice_agent.sessions.tokens import SessionTokens
from voice_agent.storage.memory_session_store import MemorySessionStore
from voice_agent.testing.memory_client import MemoryClient
from voice_agent.testing.scripted_hearing import SCRIPTED_TURN_COMPLETION, SCRIPTED_VOICE_ACTIVITY
from voice_agent.testing.scripted_llm import Replies, ScriptedLLM
from voice_agent.testing.scripted_stt import ScriptedSTT
from voice_agent.testing.scripted_tts import ScriptedTTS
from voice_agent.testing.virtual_time import VirtualClock, VirtualTimeLoop
from voice_agent.testing.waiting import PATIENCE_S, Changes
from voice_agent.transports.base import Attempt, TransportKind

PayloadT = TypeVar("PayloadT", bound=EventPayload)

STORE_STEP_S = 0.01
SETTLE_STEPS = 100
"""Steps of the event loop in which what was ended may finish."""


class Agents:
    """Agents by id."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self._agents = {agent.id: agent for agent in agents}

    async def find(self, agent_id: str, workspace_id: str) -> Agent:  # noqa: ARG002
        """Return the agent; raise AgentNotFoundError when there is none."""
        try:
            return self._agents[agent_id]
        except KeyError:
            raise AgentNotFoundError(f"there is no agent '{agent_id}'") from None


class ConversationHarness:
    """Everything that a server has, but for its network. To be made inside a running event loop.

    Args:
        agent: Who talks; more agents may follow it, the first is the default.
        more_agents: The others.
        replies: What the scripted language model answers.
        stt: The recogniser, a `ScriptedSTT` unless given.
        llm: The language model, a `ScriptedLLM` with `replies` unless given.
        tts: The voice, a `ScriptedTTS` unless given.
        providers: Real ones, by stage, in place of the scripted.
        store: Where sessions are kept, a memory store unless given.
        pool: The service pool, a plain one unless given.
        policy: Limits and waits of the host; its default agent is always `agent`.
        journal: What remembers sessions; nothing does unless given.
        listeners: Who else is told what happens.
        recorder: What records the calls of agents that say so; closed with the harness.
    """

    def __init__(
        self,
        agent: Agent,
        *more_agents: Agent,
        replies: Replies = (),
        stt: ScriptedSTT | None = None,
        llm: ScriptedLLM | None = None,
        tts: ScriptedTTS | None = None,
        providers: Mapping[Stage, Provider] = MappingProxyType({}),
        store: SessionStore | None = None,
        pool: ServicePool | None = None,
        policy: SessionPolicy | None = None,
        journal: SessionJournal | None = None,
        listeners: Iterable[EventListener] = (),
        recorder: Recorder | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.clock: Clock = (
            VirtualClock(loop) if isinstance(loop, VirtualTimeLoop) else SystemClock()
        )
        self.stt = stt or ScriptedSTT()
        self.llm = llm or ScriptedLLM(replies)
        self.tts = tts or ScriptedTTS()
        self.store = store or MemorySessionStore()
        self.pool = pool or WarmServicePool()
        self._recorder = recorder
        self._changes = Changes(self._told)
        self.events: list[Event] = []
        """What happened in all sessions, oldest first."""
        policy = policy or SessionPolicy(default_agent=agent.id, max_sessions=100)
        self.sessions = SessionManager(
            owner="harness",
            agents=Agents((agent, *more_agents)),
            store=self.store,
            pool=self.pool,
            pipelines=PipelineFactory(
                {Stage.STT: self.stt, Stage.LLM: self.llm, Stage.TTS: self.tts, **providers},
                Engines(SCRIPTED_VOICE_ACTIVITY, SCRIPTED_TURN_COMPLETION),
                self.clock,
                recorder,
            ),
            tokens=SessionTokens("a key for tests", self.clock.wall),
            policy=replace(policy, default_agent=agent.id),
            clock=self.clock,
            journal=journal,
            listeners=(self._note, *listeners),
        )
        self._clients: list[MemoryClient] = []
        self._tasks_before = asyncio.all_tasks()

    async def create(self, agent_id: str | None = None) -> str:
        """Create a session that nobody is connected to, and return its id."""
        return (await self.sessions.create(agent_id)).session_id

    def connect(
        self,
        session_id: str,
        *,
        attempt: str | None = None,
        kind: TransportKind = TransportKind.WEBSOCKET,
    ) -> MemoryClient:
        """Connect a client to a session; it is silent until the test makes it speak."""
        client = MemoryClient(kind=kind, attempt=Attempt(attempt) if attempt else None)
        self._clients.append(client)
        self.sessions.start_leg(session_id, client.connection)
        return client

    async def call(self, session_id: str | None = None) -> MemoryClient:
        """Connect a client with an open microphone to a session, a new one unless given."""
        client = self.connect(session_id or await self.create())
        client.open_microphone()
        return client

    async def read(self, session_id: str | None = None) -> Checkpoint:
        """Return a session as it is now; without an id the only one that there is."""
        if session_id is None:
            (only,) = await self.list()
            return only
        return await self.sessions.read(session_id)

    async def list(self) -> Sequence[Checkpoint]:
        """Return all sessions that were created, oldest first."""
        ids = dict.fromkeys(event.session_id for event in self.events)
        return [await self.sessions.read(session_id) for session_id in ids]

    def payloads(self, kind: type[PayloadT]) -> Sequence[PayloadT]:
        """Return what the events of one kind say, oldest first."""
        return [event.payload for event in self.events if isinstance(event.payload, kind)]

    async def until(
        self, condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S
    ) -> None:
        """Wait until `condition` holds, looking at every event of any session.

        Raises:
            AssertionError: It did not within `within_s` seconds.
        """
        await self._changes.until(condition, what, within_s=within_s)

    async def ended(
        self, session_id: str | None = None, *, within_s: float = PATIENCE_S
    ) -> Checkpoint:
        """Wait until a session is over and return its last checkpoint; AssertionError if not."""
        session_id = session_id or (await self.read()).session_id

        def is_over() -> bool:
            return any(
                event.session_id == session_id
                and isinstance(event.payload, SessionStateChanged)
                and event.payload.state is SessionState.ENDED
                for event in self.events
            )

        await self.until(is_over, "the session to end", within_s=within_s)
        async with asyncio.timeout(within_s):
            # The event comes before the last checkpoint is written, of which there is no event.
            while (kept := await self.read(session_id)).state is not SessionState.ENDED:  # noqa: ASYNC110
                await asyncio.sleep(STORE_STEP_S)
        return kept

    async def close(self) -> None:
        """End every call and the pool; nothing happens the second time.

        Raises:
            AssertionError: A task that a call began still runs.
        """
        for client in self._clients:
            await client.leave()
        await self.sessions.close()
        if self._recorder is not None:
            await self._recorder.close()
        await self.pool.close()
        await self._settle()
        left = self._left_over()
        if left:
            names = "\n".join(f"  {task.get_name()}: {task.get_coro()!r}" for task in left)
            raise AssertionError(f"{len(left)} tasks are left over:\n{names}")

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; a leftover is not reported on top of another error."""
        with contextlib.suppress(*([AssertionError] if error else [])):
            await self.close()

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self._changes.note()

    def _told(self) -> str:
        return f"the last events were {[event.payload for event in self.events[-5:]]}"

    def _left_over(self) -> set[asyncio.Task[object]]:
        return asyncio.all_tasks() - self._tasks_before - {asyncio.current_task()}

    async def _settle(self) -> None:
        for _ in range(SETTLE_STEPS):
            if not self._left_over():
                return
            await asyncio.sleep(0)
