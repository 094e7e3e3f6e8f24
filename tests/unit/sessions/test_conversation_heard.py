"""Whole conversations: what counts as heard."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.context.word_timestamp_tracker import WordTimestamp

from tests.unit.sessions.front_desk import AGENT, HOURS, REPLIES, said
from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.events import AgentTurnEnded, SentenceHeard
from voice_agent.core.service_pool import Lease
from voice_agent.services.provider import Stage
from voice_agent.testing.audible_text import duration_s, spoken
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.script import Failure
from voice_agent.testing.scripted_tts import ScriptedTTS

pytestmark = pytest.mark.virtual_time


class WordTimedTTS(ScriptedTTS):
    """A voice that says when each of its words begins."""

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:
        return _WordTimedTTSService()


class _WordTimedTTSService(TTSService):
    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_text_frames=False,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._context_id = ""
        self._said_s = 0.0

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if context_id != self._context_id:
            self._context_id, self._said_s = context_id, 0.0
        for word in text.split():
            await self.append_to_audio_context(
                context_id, WordTimestamp(word, self._said_s, context_id)
            )
            audio = spoken(word, self.sample_rate)
            self._said_s += duration_s(audio, self.sample_rate)
            yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)


async def test_what_is_said_to_a_client_out_of_reach_was_not_heard() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("On Sunday")
        call.connection.lose_reach()
        await asyncio.sleep(10)
        kept = (await harness.read()).conversation

    assert said(kept)[-1] == (
        Speaker.AGENT,
        "We are open from nine to six.",
        TurnState.INTERRUPTED,
    )
    assert harness.payloads(AgentTurnEnded)[-1] == AgentTurnEnded(interrupted=True, lost=True)


async def test_a_sentence_that_has_no_audio_was_not_heard() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        harness.tts.fail_next(Failure("the voice is gone"))
        await call.say("When are you open?")
        await call.agent_finishes("Would you like to come by?")
        kept = (await harness.read()).conversation

    assert said(kept)[-1] == (
        Speaker.AGENT,
        "On Sunday we are closed. Would you like to come by?",
        TurnState.COMPLETE,
    )


async def test_words_with_times_of_their_own_are_gathered_to_sentences() -> None:
    providers: dict[Stage, Any] = {Stage.TTS: WordTimedTTS()}
    async with ConversationHarness(AGENT, replies=REPLIES, providers=providers) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        await call.say("When are you open?")
        await call.agent_finishes("Would you like to come by?")
        kept = (await harness.read()).conversation

    assert [sentence.text for sentence in harness.payloads(SentenceHeard)] == [
        "Hello.",
        "How can I help?",
        "We are open from nine to six.",
        "On Sunday we are closed.",
        "Would you like to come by?",
    ]
    assert said(kept)[-1] == (Speaker.AGENT, HOURS, TurnState.COMPLETE)


async def test_words_with_times_of_their_own_are_kept_up_to_the_interruption() -> None:
    providers: dict[Stage, Any] = {Stage.TTS: WordTimedTTS()}
    async with ConversationHarness(AGENT, replies=REPLIES, providers=providers) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("On Sunday")
        await call.say("What is your name?")
        await call.agent_finishes("This is the front desk.")
        kept = (await harness.read()).conversation

    (cut_off,) = [turn for turn in kept.turns if turn.state is TurnState.INTERRUPTED]
    assert cut_off.text.startswith("We are open from nine to six. On Sunday")
    assert "closed" not in cut_off.text


async def test_words_with_times_of_their_own_are_not_heard_out_of_reach() -> None:
    providers: dict[Stage, Any] = {Stage.TTS: WordTimedTTS()}
    async with ConversationHarness(AGENT, replies=REPLIES, providers=providers) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        await call.say("When are you open?")
        await call.agent_says("On Sunday")
        call.connection.lose_reach()
        await asyncio.sleep(10)
        kept = (await harness.read()).conversation

    assert "come by" not in kept.turns[-1].text
    assert kept.turns[-1].state is TurnState.INTERRUPTED


async def test_an_answer_without_audio_is_kept() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("How can I help?")
        options = {"run_immediately": True, "audio_response": False}
        call.send("send-text", {"content": "Are you open?", "options": options})
        await harness.until(
            lambda: len(harness.payloads(AgentTurnEnded)) > 1, "the agent's turn to end"
        )
        kept = (await harness.read()).conversation
        assert "nine" not in call.heard

    assert said(kept)[1:] == [
        (Speaker.USER, "Are you open?", TurnState.COMPLETE),
        (Speaker.AGENT, HOURS, TurnState.COMPLETE),
    ]
