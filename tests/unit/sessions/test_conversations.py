"""Whole conversations: what is said, heard and kept."""

import asyncio
from dataclasses import replace

import pytest

from voice_agent.core.agent import Agent, ClientPermissions, TurnSettings
from voice_agent.core.conversation import Conversation, Speaker, TurnState
from voice_agent.core.events import (
    AgentTurnEnded,
    LatencyMeasured,
    SentenceHeard,
    SpeakingStarted,
    SpeakingStopped,
    TranscriptReceived,
    UserTurnEnded,
)
from voice_agent.core.session import EndReason, SessionState
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.scripted_llm import ScriptedLLM
from voice_agent.testing.scripted_stt import ScriptedSTT
from voice_agent.testing.scripted_tts import ScriptedTTS

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello. How can I help?")
HOURS = "We are open from nine to six. On Sunday we are closed. Would you like to come by?"
REPLIES = {"open": HOURS, "thank": "You are welcome.", "name": "This is the front desk."}


def said(conversation: Conversation) -> list[tuple[str, str, str]]:
    return [(turn.speaker, turn.text, turn.state) for turn in conversation.turns]


async def test_a_call_from_hello_to_goodbye() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello. How can I help?")
        await call.say("When are you open?")
        await call.agent_says(HOURS)
        await call.say("Thank you!")
        await call.agent_finishes("You are welcome.")
        await call.leave()
        kept = await harness.ended()

    assert said(kept.conversation) == [
        (Speaker.AGENT, "Hello. How can I help?", TurnState.COMPLETE),
        (Speaker.USER, "When are you open?", TurnState.COMPLETE),
        (Speaker.AGENT, HOURS, TurnState.COMPLETE),
        (Speaker.USER, "Thank you!", TurnState.COMPLETE),
        (Speaker.AGENT, "You are welcome.", TurnState.COMPLETE),
    ]
    assert (kept.state, kept.end_reason) == (SessionState.ENDED, EndReason.CLIENT_LEFT)
    assert call.close_reason is None


async def test_the_greeting_comes_once_and_without_being_asked() -> None:
    async with ConversationHarness(AGENT) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?", within_s=4)
        await asyncio.sleep(120)
        assert call.heard == "Hello. How can I help?"
        assert harness.llm.requests == []


async def test_an_agent_without_a_greeting_waits_to_be_spoken_to() -> None:
    silent = Agent(id="silent", name="Silent", instructions="Answer when asked.")
    async with ConversationHarness(silent, replies=REPLIES) as harness:
        call = await harness.call()
        await asyncio.sleep(30)
        assert call.played == []
        await call.say("What is your name?")
        await call.agent_says("This is the front desk.")


async def test_the_model_is_told_what_was_said() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("Would you like to come by?")
        await call.say("Thank you!")
        await call.agent_says("You are welcome.")

    messages = harness.llm.requests[-1]
    assert messages[0]["role"] == "system"
    assert [(message["role"], message["content"]) for message in messages[1:]] == [
        ("assistant", "Hello. How can I help?"),
        ("user", "When are you open?"),
        ("assistant", HOURS),
        ("user", "Thank you!"),
    ]


async def test_what_happens_is_told_in_order() -> None:
    async with ConversationHarness(
        replace(AGENT, greeting=None, instructions="Help."),
        replies={"open": "Yes. Always."},
    ) as harness:
        call = await harness.call()
        await call.say("Are you open?")
        await call.agent_says("Always.")
        await harness.until(
            lambda: bool(harness.payloads(AgentTurnEnded)), "the agent's turn to end"
        )

        kinds = (
            SpeakingStarted,
            SpeakingStopped,
            TranscriptReceived,
            UserTurnEnded,
            SentenceHeard,
            AgentTurnEnded,
        )
        assert [
            payload
            for payload in harness.payloads(*kinds)
            if not (isinstance(payload, TranscriptReceived) and not payload.final)
        ] == [
            SpeakingStarted(Speaker.USER),
            TranscriptReceived("Are you open?", final=True),
            UserTurnEnded("Are you open?"),
            SpeakingStopped(Speaker.USER),
            SpeakingStarted(Speaker.AGENT),
            SentenceHeard("Yes."),
            SentenceHeard("Always."),
            SpeakingStopped(Speaker.AGENT),
            AgentTurnEnded(interrupted=False),
        ]
        assert [event.number for event in harness.events] == list(range(1, len(harness.events) + 1))


async def test_words_are_told_as_they_are_recognised() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("Are you open?")
        assert harness.payloads(TranscriptReceived)[:2] == [
            TranscriptReceived("Are", final=False),
            TranscriptReceived("Are you", final=False),
        ]


async def test_the_users_wait_is_measured_and_its_parts_add_up() -> None:
    async with ConversationHarness(
        AGENT,
        stt=ScriptedSTT(latency_s=0.3),
        llm=ScriptedLLM(["Yes."], first_token_s=0.5),
        tts=ScriptedTTS(latency_s=0.25),
    ) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("Are you open?")
        stopped = harness.clock.monotonic()
        await call.agent_says("Yes.")
        (measured,) = harness.payloads(LatencyMeasured)

    assert isinstance(measured, LatencyMeasured)
    assert measured.turn_s == pytest.approx(0.2 + 0.3, abs=0.12)
    assert measured.llm_s == pytest.approx(0.5, abs=0.03)
    assert measured.tts_s == pytest.approx(0.25, abs=0.05)
    assert measured.total_s == pytest.approx(measured.turn_s + measured.llm_s + measured.tts_s)
    first_audio = next(played.at for played in call.played if played.at > stopped)
    assert measured.total_s == pytest.approx(first_audio - stopped, abs=0.12)


async def test_barging_in_silences_the_agent_at_once() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("On Sunday")
        began = harness.clock.monotonic()
        await call.say("What is your name?")
        assert call.quiet_since - began < 0.35
        assert call.interruptions[-1] - began < 0.35
        await call.agent_says("This is the front desk.")


async def test_after_barging_in_only_what_was_heard_is_kept() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("On Sunday")
        await call.say("What is your name?")
        await call.agent_finishes("This is the front desk.")
        kept = (await harness.read()).conversation

    assert said(kept)[1:4] == [
        (Speaker.USER, "When are you open?", TurnState.COMPLETE),
        (Speaker.AGENT, "We are open from nine to six.", TurnState.INTERRUPTED),
        (Speaker.USER, "What is your name?", TurnState.COMPLETE),
    ]
    assert "closed" not in call.heard
    assert "closed" not in str(harness.llm.requests[-1])


async def test_barging_in_before_the_first_sentence_ends_keeps_nothing_of_it() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("We are open")
        await call.say("What is your name?")
        await call.agent_finishes("This is the front desk.")
        kept = (await harness.read()).conversation

    assert [turn.text for turn in kept.turns if turn.speaker is Speaker.AGENT][:1] == [
        "Hello. How can I help?"
    ]
    assert not any("nine" in turn.text for turn in kept.turns)


async def test_barging_in_while_the_model_thinks_drops_its_answer() -> None:
    llm = ScriptedLLM(["Too late.", "In time."], first_token_s=5)
    async with ConversationHarness(AGENT, llm=llm) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("Are you open?")
        await asyncio.sleep(1)
        await call.say("Hello?")
        await call.agent_says("In time.")
        assert "Too late" not in call.heard


async def test_an_agent_that_may_not_be_interrupted_goes_on() -> None:
    stubborn = replace(AGENT, turn=TurnSettings(interruptible=False))
    async with ConversationHarness(stubborn, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("We are open")
        await call.say("What is your name?")
        await call.agent_says("Would you like to come by?")
        assert call.interruptions == []


async def test_noise_without_words_is_no_turn() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.make_noise(1.0)
        await asyncio.sleep(10)
        assert harness.llm.requests == []
        assert len((await harness.read()).conversation.turns) == 1
        await call.say("Are you open?")
        await call.agent_says("We are open")


async def test_a_click_is_no_barge_in() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.make_noise(0.06)
        await call.agent_says("How can I help?")
        assert call.interruptions == []


async def test_a_pause_in_the_middle_of_a_sentence_is_waited_for() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("I would like to know ...")
        await asyncio.sleep(1.5)
        assert harness.llm.requests == []
        await call.say("when you are open.")
        await call.agent_says("We are open")
        assert len(harness.llm.requests) == 1
        assert harness.payloads(UserTurnEnded) == [
            UserTurnEnded("I would like to know ... when you are open.")
        ]


async def test_an_unfinished_sentence_is_answered_after_the_longest_wait() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        await call.say("You are open ...")
        stopped = harness.clock.monotonic()
        await call.agent_says("We are open")
        first_audio = next(played.at for played in call.played if played.at > stopped)
        assert AGENT.turn.max_wait_s < first_audio - stopped < AGENT.turn.max_wait_s + 1.5


async def test_a_typed_turn_is_answered_aloud_and_kept() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        call.type("When are you open?")
        await call.agent_says("We are open from nine to six.")
        assert harness.payloads(UserTurnEnded) == [UserTurnEnded("When are you open?", typed=True)]
        kept = (await harness.read()).conversation
        assert [turn.text for turn in kept.turns if turn.speaker is Speaker.USER] == [
            "When are you open?"
        ]


async def test_typed_text_is_refused_when_the_agent_does_not_take_it() -> None:
    deaf = replace(AGENT, client=ClientPermissions(text=False))
    async with ConversationHarness(deaf, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("How can I help?")
        call.type("When are you open?")
        refused = await call.message("error-response")
        assert "client.text" in refused["data"]["error"]
        await asyncio.sleep(10)
        assert harness.llm.requests == []
        assert harness.payloads(UserTurnEnded) == []
        await call.say("When are you open?")
        await call.agent_says("We are open")


async def test_half_an_hour_of_conversation_takes_a_moment() -> None:
    patient = replace(AGENT, greeting=None, instructions="Help.")
    async with ConversationHarness(patient, replies=REPLIES) as harness:
        call = await harness.call()
        for _ in range(7):
            await asyncio.sleep(240)
            await call.say("What is your name?")
            await call.agent_finishes("This is the front desk.")
        assert harness.clock.monotonic() > 1000 + 7 * 240
        assert len((await harness.read()).conversation.turns) == 14
