"""What was said: the user's words, and of the agent's what the listener has really heard."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Speaker(StrEnum):
    """The two sides of a conversation."""

    USER = "user"
    AGENT = "agent"


class TurnState(StrEnum):
    """Whether a turn is still being spoken, was finished, or was cut off by the other side."""

    OPEN = "open"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Turn:
    """One stretch of speech (or typed text) of one side. `started_at` is wall time in seconds."""

    speaker: Speaker
    text: str
    started_at: float
    state: TurnState = TurnState.COMPLETE


@dataclass(frozen=True)
class Conversation:
    """All turns so far, oldest first. Immutable: every change returns a new one."""

    turns: tuple[Turn, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody has said anything yet."""
        return not self.turns

    def user_said(self, text: str, at: float) -> "Conversation":
        """Return the conversation with one more turn of the user."""
        return Conversation((*self.turns, Turn(Speaker.USER, text, at)))

    def agent_heard(self, sentence: str, at: float) -> "Conversation":
        """Return the conversation after `sentence` of the agent was played to its end.

        It extends the agent's open turn when nobody spoke since. Otherwise it opens another, and
        what was said of the one before is complete: the user spoke and did not stop the agent.
        """
        last = self.turns[-1] if self.turns else None
        if last and last.speaker is Speaker.AGENT and last.state is TurnState.OPEN:
            longer = replace(last, text=f"{last.text} {sentence}".strip())
            return Conversation((*self.turns[:-1], longer))
        before = self.agent_finished(interrupted=False).turns
        return Conversation((*before, Turn(Speaker.AGENT, sentence, at, TurnState.OPEN)))

    def agent_finished(self, *, interrupted: bool) -> "Conversation":
        """Return the conversation with the agent's open turn closed, if there is one."""
        if all(turn.state is not TurnState.OPEN for turn in self.turns):
            return self
        state = TurnState.INTERRUPTED if interrupted else TurnState.COMPLETE
        return Conversation(
            tuple(
                replace(turn, state=state) if turn.state is TurnState.OPEN else turn
                for turn in self.turns
            )
        )
