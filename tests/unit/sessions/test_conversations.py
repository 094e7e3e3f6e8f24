"""Whole conversations: what is said, heard and kept."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.sessions.front_desk import AGENT, HOURS, REPLIES, said
from voice_agent.core.agent import Agent, ClientPermissions
from voice_agent.core.conversation import Speaker, TurnState
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
            for payload in (event.payload for event in harness.events)
            if isinstance(payload, kinds)
            and not (isinstance(payload, TranscriptReceived) and not payload.final)
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

    assert measured.turn_s == pytest.approx(0.2 + 0.3, abs=0.12)
    assert measured.llm_s == pytest.approx(0.5, abs=0.03)
    assert measured.tts_s == pytest.approx(0.25, abs=0.05)
    assert measured.total_s == pytest.approx(measured.turn_s + measured.llm_s + measured.tts_s)
    assert measured.verdict_s is not None
    assert measured.stt_s is not None
    assert measured.synthesis_s is not None
    assert measured.output_s is not None
    assert measured.verdict_s == pytest.approx(0.2, abs=0.12)
    assert measured.stt_s == pytest.approx(0.3, abs=0.05)
    assert measured.verdict_s + measured.stt_s == pytest.approx(measured.turn_s)
    assert measured.synthesis_s == pytest.approx(0.25, abs=0.03)
    assert measured.synthesis_s + measured.output_s == pytest.approx(measured.tts_s)
    first_audio = next(played.at for played in call.played if played.at > stopped)
    assert measured.total_s == pytest.approx(first_audio - stopped, abs=0.12)


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
