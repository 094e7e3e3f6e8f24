"""What remembers sessions for who asks later; the store of checkpoints is for who resumes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from voice_agent.core.events import Event
from voice_agent.core.session import Checkpoint, KeyLimits


@dataclass(frozen=True)
class RememberedEvent:
    """An event as it is kept: its payload as plain values. `wall_time` is in seconds."""

    number: int
    wall_time: float
    type: str
    data: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> "RememberedEvent":
        """Return it from the event itself."""
        return cls(event.number, event.wall_time, event.type, event.data)


class SessionJournal(Protocol):
    """Takes down what happens in sessions."""

    async def begin(self, checkpoint: Checkpoint, epoch: int, limits: KeyLimits) -> None:
        """Remember a new session, unless its key has as many as it may.

        Raises:
            KeyLimitError: It has.
            StorageUnavailableError: Nothing can be kept now.
        """

    def note(self, checkpoint: Checkpoint, epoch: int, event: Event) -> None:
        """Take down an event, and what the session is since; does not wait."""

    def leave(self, session_id: str) -> None:
        """This process has the session no longer."""

    async def last_number(self, session_id: str) -> int:
        """Return the number of the last event that is kept, 0 when there is none."""

    async def erase(self, session_id: str) -> None:
        """Forget a session. Forgetting an unknown one does nothing."""


class NoJournal:
    """Remembers nothing."""

    async def begin(self, checkpoint: Checkpoint, epoch: int, limits: KeyLimits) -> None:
        """Do nothing."""

    def note(self, checkpoint: Checkpoint, epoch: int, event: Event) -> None:
        """Do nothing."""

    def leave(self, session_id: str) -> None:
        """Do nothing."""

    async def last_number(self, session_id: str) -> int:  # noqa: ARG002
        """Return 0."""
        return 0

    async def erase(self, session_id: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class RememberedTurn:
    """A turn as it is kept; `text` is None where transcripts are not kept."""

    speaker: str
    state: str
    started_at: float
    text: str | None


@dataclass(frozen=True)
class RememberedSession:
    """A session as it is kept. Times are wall time in seconds."""

    id: str
    workspace_id: str
    agent_id: str
    agent_name: str
    agent_version: str
    language: str
    state: str
    end_reason: str | None
    created_at: float
    connected_at: float | None
    ended_at: float | None
    key_id: str | None
    legs: int
    turns: int
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "RememberedSession":
        """Return what is to be kept of a session."""
        agent = checkpoint.agent
        return cls(
            id=checkpoint.session_id,
            workspace_id=checkpoint.workspace_id,
            agent_id=agent.id,
            agent_name=agent.name,
            agent_version=agent.version,
            language=agent.language,
            state=checkpoint.state,
            end_reason=checkpoint.end_reason,
            created_at=checkpoint.created_at,
            connected_at=checkpoint.connected_at,
            ended_at=checkpoint.ended_at,
            key_id=checkpoint.key_id,
            legs=checkpoint.legs,
            turns=len(checkpoint.conversation.turns),
            metadata=checkpoint.metadata,
        )


def remembered_turns(checkpoint: Checkpoint) -> Sequence[RememberedTurn]:
    """Return the turns of a session that runs."""
    return [
        RememberedTurn(turn.speaker, turn.state, turn.started_at, turn.text)
        for turn in checkpoint.conversation.turns
    ]
