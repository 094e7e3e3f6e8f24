from voice_agent.core.conversation import Conversation, Speaker, Turn, TurnState

AGENT, USER = Speaker.AGENT, Speaker.USER
OPEN, COMPLETE, INTERRUPTED = TurnState.OPEN, TurnState.COMPLETE, TurnState.INTERRUPTED


def test_nobody_has_said_anything_at_first() -> None:
    assert Conversation().is_empty
    assert not Conversation().user_said("Hello?", 1.0).is_empty


def test_every_change_returns_a_new_conversation() -> None:
    before = Conversation().agent_heard("Hello.", 1.0)
    before.agent_heard("How are you?", 2.0)
    before.user_said("Fine.", 3.0)
    before.agent_finished(interrupted=False)
    assert before.turns == (Turn(AGENT, "Hello.", 1.0, OPEN),)


def test_sentences_of_one_turn_are_joined() -> None:
    conversation = (
        Conversation()
        .agent_heard("Hello.", 1.0)
        .agent_heard("How can I help?", 2.0)
        .agent_finished(interrupted=False)
    )
    assert conversation.turns == (Turn(AGENT, "Hello. How can I help?", 1.0, COMPLETE),)


def test_a_finished_turn_is_not_extended() -> None:
    conversation = (
        Conversation()
        .agent_heard("Hello.", 1.0)
        .agent_finished(interrupted=False)
        .agent_heard("Still there?", 9.0)
    )
    assert [turn.text for turn in conversation.turns] == ["Hello.", "Still there?"]


def test_a_turn_that_was_cut_off_keeps_what_was_heard() -> None:
    conversation = (
        Conversation()
        .agent_heard("First.", 1.0)
        .agent_finished(interrupted=True)
        .user_said("Wait", 2.0)
    )
    assert conversation.turns == (
        Turn(AGENT, "First.", 1.0, INTERRUPTED),
        Turn(USER, "Wait", 2.0, COMPLETE),
    )


def test_the_open_turn_is_closed_even_after_the_user_spoke() -> None:
    conversation = (
        Conversation()
        .agent_heard("First.", 1.0)
        .user_said("Wait", 2.0)
        .agent_finished(interrupted=True)
    )
    assert [turn.state for turn in conversation.turns] == [INTERRUPTED, COMPLETE]


def test_words_of_the_agent_after_the_user_spoke_open_another_turn() -> None:
    conversation = (
        Conversation().agent_heard("One.", 1.0).user_said("Hm", 2.0).agent_heard("Two.", 3.0)
    )
    assert [(turn.speaker, turn.text) for turn in conversation.turns] == [
        (AGENT, "One."),
        (USER, "Hm"),
        (AGENT, "Two."),
    ]


def test_finishing_without_an_open_turn_changes_nothing() -> None:
    empty = Conversation()
    talked = empty.user_said("Hello?", 1.0)
    assert empty.agent_finished(interrupted=True) is empty
    assert talked.agent_finished(interrupted=False) is talked


def test_an_agent_that_goes_on_over_the_user_leaves_no_turn_open() -> None:
    conversation = (
        Conversation()
        .agent_heard("One.", 1.0)
        .user_said("Hm", 2.0)
        .agent_heard("Two.", 3.0)
        .agent_finished(interrupted=False)
    )
    assert [turn.state for turn in conversation.turns] == [COMPLETE, COMPLETE, COMPLETE]
    assert conversation.agent_finished(interrupted=True) is conversation


def test_only_the_words_that_were_cut_off_are_interrupted() -> None:
    conversation = (
        Conversation()
        .agent_heard("One.", 1.0)
        .user_said("Hm", 2.0)
        .agent_heard("Two.", 3.0)
        .agent_finished(interrupted=True)
    )
    assert [turn.state for turn in conversation.turns] == [COMPLETE, COMPLETE, INTERRUPTED]
