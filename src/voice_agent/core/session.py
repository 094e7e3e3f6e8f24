"""A session: one conversation of one client with one agent, from creation to its end.

It lives outside any pipeline and owns what must not be lost. A leg (one run of one pipeline on
one connection) may end at any moment; the next one starts from the session's checkpoint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Conversation
from voice_agent.core.errors import IllegalTransitionError


class SessionState(StrEnum):
    """Where a session is in its life."""

    CREATED = "created"
    CONNECTED = "connected"
    SUSPENDED = "suspended"
    ENDED = "ended"


LEGAL_TRANSITIONS: Mapping[SessionState, frozenset[SessionState]] = MappingProxyType(
    {
        SessionState.CREATED: frozenset({SessionState.CONNECTED, SessionState.ENDED}),
        SessionState.CONNECTED: frozenset({SessionState.SUSPENDED, SessionState.ENDED}),
        SessionState.SUSPENDED: frozenset({SessionState.CONNECTED, SessionState.ENDED}),
        SessionState.ENDED: frozenset(),
    }
)


class EndReason(StrEnum):
    """Why a session ended."""

    CLIENT_LEFT = "client_left"
    CONNECTION_LOST = "connection_lost"
    NEVER_CONNECTED = "never_connected"
    MAX_DURATION = "max_duration"
    IDLE = "idle"
    REQUESTED = "requested"
    SERVER_STOPPED = "server_stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Checkpoint:
    """All that must survive a leg, a connection or a process. Times are wall time in seconds."""

    session_id: str
    agent: Agent
    created_at: float
    state: SessionState = SessionState.CREATED
    conversation: Conversation = field(default_factory=Conversation)
    connected_at: float | None = None
    """When the first client was there."""
    ended_at: float | None = None
    end_reason: EndReason | None = None
    legs: int = 0
    resumable: bool = True
    """Whether it outlives a lost connection by the resume window."""


class Session:
    """The live session: a checkpoint, and the steps that are legal from it.

    Pure and synchronous. `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, checkpoint: Checkpoint, wall_time: Callable[[], float]) -> None:
        self._checkpoint = checkpoint
        self._wall_time = wall_time

    @property
    def checkpoint(self) -> Checkpoint:
        """The session as it is now."""
        return self._checkpoint

    @property
    def id(self) -> str:
        """The session's id."""
        return self._checkpoint.session_id

    @property
    def agent(self) -> Agent:
        """The version of the agent that the session began with."""
        return self._checkpoint.agent

    @property
    def state(self) -> SessionState:
        """Where the session is in its life."""
        return self._checkpoint.state

    @property
    def conversation(self) -> Conversation:
        """What was said so far."""
        return self._checkpoint.conversation

    def connect(self) -> None:
        """A leg begins.

        Raises:
            IllegalTransitionError: The session is connected already, or over.
        """
        self._go_to(SessionState.CONNECTED)
        self._checkpoint = replace(self._checkpoint, legs=self._checkpoint.legs + 1)

    def client_connected(self) -> None:
        """The client is there; the first time counts."""
        if self._checkpoint.connected_at is None:
            self._checkpoint = replace(self._checkpoint, connected_at=self._wall_time())

    def suspend(self) -> None:
        """The leg ended, the session may get another.

        Raises:
            IllegalTransitionError: The session is not connected.
        """
        self._go_to(SessionState.SUSPENDED)
        self.agent_turn_finished(interrupted=True)

    def end(self, reason: EndReason) -> None:
        """The session is over.

        Raises:
            IllegalTransitionError: It is over already.
        """
        self._go_to(SessionState.ENDED)
        self.agent_turn_finished(interrupted=True)
        self._checkpoint = replace(self._checkpoint, ended_at=self._wall_time(), end_reason=reason)

    def user_said(self, text: str) -> None:
        """Keep a turn of the user."""
        self._keep(self.conversation.user_said(text, self._wall_time()))

    def agent_heard(self, sentence: str) -> None:
        """Keep a sentence of the agent that was played to its end."""
        self._keep(self.conversation.agent_heard(sentence, self._wall_time()))

    def agent_turn_finished(self, *, interrupted: bool) -> None:
        """Close the agent's open turn, if there is one."""
        self._keep(self.conversation.agent_finished(interrupted=interrupted))

    def _keep(self, conversation: Conversation) -> None:
        self._checkpoint = replace(self._checkpoint, conversation=conversation)

    def _go_to(self, wanted: SessionState) -> None:
        if wanted not in LEGAL_TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"session {self.id}", self.state, wanted)
        self._checkpoint = replace(self._checkpoint, state=wanted)
