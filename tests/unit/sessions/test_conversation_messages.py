"""Whole conversations: what a client sends beyond audio, and what it is told of failures."""

import asyncio
from dataclasses import replace

import pytest

from voice_agent.bot.client_gate import MESSAGES_AT_ONCE
from voice_agent.core.agent import Agent, TurnSettings
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.events import ProviderFailed, UserTurnEnded
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.script import Failure, Script

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello. How can I help?")
LONG = "Hello. This is a greeting that goes on and on. And this is the last of it."
STUBBORN = replace(AGENT, greeting=LONG, turn=TurnSettings(interruptible=False))
REPLIES = {"open": "From nine to six.", "12#": "Sales.", "7": "Support."}
SECRET = "POST http://10.0.0.7:8000/v1: 401 incorrect key sk-proj-abc"


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("stt", "speech recognition failed"),
        ("llm", "the language model failed"),
        ("tts", "the voice failed"),
    ],
)
async def test_the_client_is_told_what_failed_and_the_operator_why(stage: str, words: str) -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        provider: Script = getattr(harness, stage)
        provider.fail_next(Failure(SECRET))
        await call.say("Are you open?")
        told = await call.message("error")
        assert told["data"]["error"] == words
        assert "10.0.0.7" not in str(call.messages)
        assert SECRET in {failure.message for failure in harness.payloads(ProviderFailed)}


async def test_typing_does_not_interrupt_an_agent_that_may_not_be() -> None:
    async with ConversationHarness(STUBBORN, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        call.type("Are you open?")
        await call.agent_says("And this is the last of it.")
        await call.agent_finishes("From nine to six.")
        kept = (await harness.read()).conversation

    assert call.interruptions == []
    assert [(turn.text, turn.state) for turn in kept.turns] == [
        (LONG, TurnState.COMPLETE),
        ("Are you open?", TurnState.COMPLETE),
        ("From nine to six.", TurnState.COMPLETE),
    ]


async def test_speaking_over_an_agent_that_may_not_be_interrupted_leaves_no_turn_open() -> None:
    async with ConversationHarness(STUBBORN, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        await call.say("Are you open?")
        await call.agent_finishes("From nine to six.")
        await call.leave()
        kept = (await harness.ended()).conversation

    assert {turn.state for turn in kept.turns} == {TurnState.COMPLETE}


async def test_typing_interrupts_any_other_agent() -> None:
    async with ConversationHarness(replace(AGENT, greeting=LONG), replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        call.type("Are you open?")
        await call.agent_finishes("From nine to six.")
        assert "last" not in call.heard


async def test_keys_are_a_turn_of_the_caller() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        call.send("dtmf", {"buttons": ["1", "2", "#"]})
        await call.agent_finishes("Sales.")
        call.send("dtmf", {"buttons": ["7"]})
        await call.agent_finishes("Support.")
        kept = (await harness.read()).conversation

    assert harness.payloads(UserTurnEnded) == [UserTurnEnded("12#"), UserTurnEnded("7")]
    assert [turn.text for turn in kept.turns if turn.speaker is Speaker.USER] == ["12#", "7"]


async def test_keys_interrupt_as_speech_does() -> None:
    for agent, is_interrupted in ((replace(AGENT, greeting=LONG), True), (STUBBORN, False)):
        async with ConversationHarness(agent, replies=REPLIES) as harness:
            call = await harness.call()
            await call.agent_says("Hello.")
            call.send("dtmf", {"buttons": ["1", "2", "#"]})
            await call.agent_finishes("Sales.")
            assert bool(call.interruptions) == is_interrupted
            assert ("last" in call.heard) != is_interrupted


async def test_a_flood_of_refused_messages_is_answered_in_bounds_and_logged_once(
    warnings: list[str],
) -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        for number in range(500):
            call.send(f"{number}-unknown" * 1000)
        await asyncio.sleep(1)
        answers = call.messages_of("error-response")
        assert MESSAGES_AT_ONCE <= len(answers) <= 2 * MESSAGES_AT_ONCE
        assert len(str(answers)) < 300 * len(answers)
        assert len([line for line in warnings if "refused" in line]) == 1
        await call.say("Are you open?")
        await call.agent_finishes("From nine to six.")


async def test_typing_too_fast_is_refused() -> None:
    async with ConversationHarness(STUBBORN, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        for _ in range(200):
            call.type("Are you open?")
        refused = await call.message("error-response")
        assert "too many" in refused["data"]["error"]
        await call.leave()
        await harness.ended()
        assert len(harness.payloads(UserTurnEnded)) <= MESSAGES_AT_ONCE
