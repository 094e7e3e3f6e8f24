"""Whole conversations: whose turn it is, and what barging in does."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.sessions.front_desk import AGENT, REPLIES, said
from voice_agent.core.agent import TurnSettings
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.events import (
    UserTurnEnded,
)
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.scripted_llm import ScriptedLLM

pytestmark = pytest.mark.virtual_time


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


async def test_of_a_greeting_that_is_cut_off_the_sentences_that_were_heard_are_kept() -> None:
    chatty = replace(AGENT, greeting="Hello. This is a long welcome to our house, stay a while.")
    async with ConversationHarness(chatty, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_says("Hello.")
        await asyncio.sleep(0.3)
        await call.say("When are you open?")
        await call.agent_finishes(REPLIES["open"])
        await call.leave()
        kept = await harness.ended()
    greeting, question, _ = kept.conversation.turns
    assert (greeting.text, greeting.state) == ("Hello.", TurnState.INTERRUPTED)
    assert question.text == "When are you open?"
