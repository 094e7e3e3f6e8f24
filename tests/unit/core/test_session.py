from collections.abc import Callable

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.errors import IllegalTransitionError
from voice_agent.core.session import (
    LEGAL_TRANSITIONS,
    Checkpoint,
    EndReason,
    Session,
    SessionState,
)

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
STEPS: dict[SessionState, Callable[[Session], None]] = {
    SessionState.CONNECTED: lambda session: session.connect("websocket"),
    SessionState.SUSPENDED: Session.suspend,
    SessionState.ENDED: lambda session: session.end(EndReason.REQUESTED),
}


class Wall:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def session(wall: Wall, state: SessionState = SessionState.CREATED) -> Session:
    return Session(Checkpoint("s1", AGENT, created_at=100.0, state=state), wall)


@pytest.mark.parametrize("current", SessionState)
@pytest.mark.parametrize("wanted", STEPS)
def test_legal_steps_are_taken_and_others_raise_naming_both_states(
    current: SessionState, wanted: SessionState, wall: Wall
) -> None:
    subject = session(wall, current)
    if wanted in LEGAL_TRANSITIONS[current]:
        STEPS[wanted](subject)
        assert subject.state is wanted
        return
    before = subject.checkpoint
    with pytest.raises(IllegalTransitionError, match=f"session s1.*'{current}'.*'{wanted}'"):
        STEPS[wanted](subject)
    assert subject.checkpoint is before


def test_the_life_of_a_session_is_what_the_table_says() -> None:
    assert {
        current: {str(state) for state in following}
        for current, following in LEGAL_TRANSITIONS.items()
    } == {
        "created": {"connected", "ended"},
        "connected": {"suspended", "ended"},
        "suspended": {"connected", "ended"},
        "ended": set(),
    }


def test_every_leg_is_counted_and_the_first_client_sets_the_time(wall: Wall) -> None:
    subject = session(wall)
    subject.connect("websocket")
    wall.now = 110.0
    subject.client_connected()
    subject.suspend()
    wall.now = 120.0
    subject.connect("websocket")
    subject.client_connected()
    assert (subject.checkpoint.legs, subject.checkpoint.connected_at) == (2, 110.0)


def test_the_end_is_kept_with_its_reason_and_time(wall: Wall) -> None:
    subject = session(wall)
    wall.now = 160.0
    subject.end(EndReason.NEVER_CONNECTED)
    kept = subject.checkpoint
    assert (kept.ended_at, kept.end_reason) == (160.0, EndReason.NEVER_CONNECTED)


@pytest.mark.parametrize("wanted", [SessionState.SUSPENDED, SessionState.ENDED])
def test_losing_the_leg_cuts_the_agents_turn(wanted: SessionState, wall: Wall) -> None:
    subject = session(wall)
    subject.connect("websocket")
    subject.agent_heard("Hello.")
    STEPS[wanted](subject)
    assert [turn.state for turn in subject.conversation.turns] == [TurnState.INTERRUPTED]


def test_a_turn_that_was_complete_stays_complete(wall: Wall) -> None:
    subject = session(wall)
    subject.connect("websocket")
    subject.agent_heard("Hello.")
    subject.agent_turn_finished(interrupted=False)
    subject.suspend()
    assert [turn.state for turn in subject.conversation.turns] == [TurnState.COMPLETE]


def test_what_is_said_is_kept_with_its_time(wall: Wall) -> None:
    subject = session(wall)
    subject.connect("websocket")
    wall.now = 101.0
    subject.agent_heard("Hello.")
    subject.agent_turn_finished(interrupted=False)
    wall.now = 103.5
    subject.user_said("Are you open?")
    assert [(turn.speaker, turn.text, turn.started_at) for turn in subject.conversation.turns] == [
        (Speaker.AGENT, "Hello.", 101.0),
        (Speaker.USER, "Are you open?", 103.5),
    ]
    assert subject.checkpoint.conversation is subject.conversation


def test_it_goes_on_from_a_checkpoint(wall: Wall) -> None:
    first = session(wall)
    first.connect("websocket")
    first.user_said("Hello?")
    first.suspend()
    second = Session(first.checkpoint, wall)
    second.connect("websocket")
    assert (second.id, second.agent, second.checkpoint.legs) == ("s1", AGENT, 2)
    assert [turn.text for turn in second.conversation.turns] == ["Hello?"]
