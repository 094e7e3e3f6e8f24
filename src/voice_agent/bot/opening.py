"""What the agent says by itself when a leg begins: it greets, or goes on where it was cut off."""

from dataclasses import dataclass

from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.session import Session


@dataclass(frozen=True)
class Opening:
    """What comes first: `words` to say, an answer of the language model, or neither."""

    words: str = ""
    answers: bool = False


def opening_of(session: Session) -> Opening:
    """Return what the agent says first in the next leg of `session`.

    It greets who has heard nothing yet. It says what it was about to say when the last leg ended,
    answers what it had not answered, and goes on with what it had not thought to its end.
    """
    if session.checkpoint.unheard:
        return Opening(words=session.checkpoint.unheard)
    if session.conversation.is_empty:
        return Opening(words=session.briefed_agent.greeting or "")
    last = session.conversation.turns[-1]
    return Opening(answers=last.speaker is Speaker.USER or last.state is TurnState.INTERRUPTED)
