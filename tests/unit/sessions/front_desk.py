"""The agent that most conversations here are with, and what is read of them afterwards."""

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Conversation

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello. How can I help?")
HOURS = "We are open from nine to six. On Sunday we are closed. Would you like to come by?"
REPLIES = {"open": HOURS, "thank": "You are welcome.", "name": "This is the front desk."}


def said(conversation: Conversation) -> list[tuple[str, str, str]]:
    """Return who said what, and what became of it."""
    return [(turn.speaker, turn.text, turn.state) for turn in conversation.turns]
