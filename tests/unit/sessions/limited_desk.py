"""An agent with limits, under a policy with time limits, and what is read of its sessions."""

from voice_agent.core.agent import Agent, Limits
from voice_agent.core.events import LegEnded, SessionStateChanged
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.testing.harness import ConversationHarness

AGENT = Agent(
    id="frontdesk",
    name="Front desk",
    greeting="Hello.",
    limits=Limits(max_duration_s=600, idle_timeout_s=120),
)
REPLIES = {"open": "From nine to six. On Sunday we are closed.", "where": "By the river."}
POLICY = SessionPolicy(
    default_agent=AGENT.id,
    max_sessions=3,
    resume_window_s=60,
    connect_timeout_s=45,
    carrying_timeout_s=15,
)


def states(harness: ConversationHarness) -> list[str]:
    """Return the states that sessions went to."""
    return [payload.state for payload in harness.payloads(SessionStateChanged)]


def leg_ends(harness: ConversationHarness) -> list[str]:
    """Return why legs ended."""
    return [payload.reason for payload in harness.payloads(LegEnded)]


def elapsed(harness: ConversationHarness, since: float) -> float:
    """Return the seconds that have gone by."""
    return harness.clock.monotonic() - since
