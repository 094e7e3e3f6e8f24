"""A session: one conversation of one client with one agent, from creation to its end.

It lives outside any pipeline and owns what must not be lost. A leg (one run of one pipeline on
one connection) may end at any moment; the next one starts from the session's checkpoint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Conversation
from voice_agent.core.errors import IllegalTransitionError
from voice_agent.core.variables import fill

DEFAULT_WORKSPACE: Final = "default"
"""The workspace that is always there."""


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
    workspace_id: str = DEFAULT_WORKSPACE
    key_id: str | None = None
    """The key that it was made with."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What who made it noted of it; for him alone."""
    variables: dict[str, str] = field(default_factory=dict)
    """What fills the placeholders of its agent's words."""
    events: int = 0
    """The number of its last event."""
    unheard: str = ""
    """What the agent was about to say when it was last known, and nobody has heard yet."""
    transport: str | None = None
    """What carries it, or did last; before the first leg what should. None: any would do."""


@dataclass(frozen=True)
class KeyLimits:
    """How many sessions one key may have: at once, and begun within a minute; None: any number."""

    at_once: int | None = None
    a_minute: int | None = None


@dataclass(frozen=True)
class SessionOrigin:
    """Who wants a session."""

    workspace_id: str = DEFAULT_WORKSPACE
    key_id: str | None = None
    limits: KeyLimits = field(default_factory=KeyLimits)


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

    @cached_property
    def briefed_agent(self) -> Agent:
        """The same with the session's variables in its words."""
        return fill(self.agent, self._checkpoint.variables)

    @property
    def state(self) -> SessionState:
        """Where the session is in its life."""
        return self._checkpoint.state

    @property
    def conversation(self) -> Conversation:
        """What was said so far."""
        return self._checkpoint.conversation

    def connect(self, transport: str) -> None:
        """A leg begins, over `transport`.

        Raises:
            IllegalTransitionError: The session is connected already, or over.
        """
        self._go_to(SessionState.CONNECTED)
        legs = self._checkpoint.legs + 1
        self._checkpoint = replace(self._checkpoint, legs=legs, transport=transport)

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
        """Keep a turn of the user; what the agent had still to say is out of date."""
        self._keep(self.conversation.user_said(text, self._wall_time()))
        self.agent_intends("")

    def agent_intends(self, text: str) -> None:
        """The agent is about to say `text`."""
        self._checkpoint = replace(self._checkpoint, unheard=text)

    def agent_heard(self, sentence: str) -> None:
        """Keep a sentence of the agent that was played to its end."""
        self._keep(self.conversation.agent_heard(sentence, self._wall_time()))
        if self._checkpoint.unheard:
            self.agent_intends(rest_after(sentence, self._checkpoint.unheard))

    def agent_turn_finished(self, *, interrupted: bool) -> None:
        """Close the agent's open turn, if there is one."""
        self._keep(self.conversation.agent_finished(interrupted=interrupted))

    def events_counted(self, number: int) -> None:
        """The session's last event has `number`."""
        self._checkpoint = replace(self._checkpoint, events=number)

    def _keep(self, conversation: Conversation) -> None:
        self._checkpoint = replace(self._checkpoint, conversation=conversation)

    def _go_to(self, wanted: SessionState) -> None:
        if wanted not in LEGAL_TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"session {self.id}", self.state, wanted)
        self._checkpoint = replace(self._checkpoint, state=wanted)


def rest_after(heard: str, text: str) -> str:
    """Return what of `text` comes after `heard`, nothing when that is not in it.

    Both are compared word by word, as voices change the space between words.
    """
    words, said = text.split(), heard.split()
    for start in range(len(words) - len(said) + 1):
        if words[start : start + len(said)] == said:
            return " ".join(words[start + len(said) :])
    return ""
