"""Whole conversations whose voice says from memory what it has said before."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.settings import TTSSettings

from tests.unit.sessions.front_desk import AGENT, REPLIES
from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.events import SentenceHeard
from voice_agent.core.service_pool import Lease
from voice_agent.services.provider import Stage
from voice_agent.services.remembering_provider import RememberingProvider
from voice_agent.services.speaks_from_memory import SpeaksFromMemory
from voice_agent.testing.audible_text import spoken
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.scripted_tts import ScriptedTTS

pytestmark = pytest.mark.virtual_time

PART = 24_000


class CountingTTS(ScriptedTTS):
    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:
        return _CountingTTSService(self.made)


class _CountingTTSService(SpeaksFromMemory):
    def __init__(self, made: list[str]) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._made = made

    async def make_speech(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self._made.append(text.strip())
        audio = spoken(text, self.sample_rate)
        for start in range(0, len(audio), PART):
            part = audio[start : start + PART]
            yield TTSAudioRawFrame(part, self.sample_rate, 1, context_id=context_id)


def remembering(voice: CountingTTS) -> dict[Stage, Any]:
    return {Stage.TTS: RememberingProvider(voice, "test", limit=100_000_000, says_only_fixed=True)}


async def test_who_calls_twice_is_greeted_twice_with_what_was_made_once() -> None:
    voice = CountingTTS()
    async with ConversationHarness(AGENT, providers=remembering(voice)) as harness:
        for _ in range(2):
            call = await harness.call()
            await call.agent_finishes("How can I help?")
            await call.leave()
    assert voice.made == ["Hello.", "How can I help?"]
    heard = [sentence.text for sentence in harness.payloads(SentenceHeard)]
    assert heard == ["Hello.", "How can I help?"] * 2


async def test_an_answer_from_memory_that_is_interrupted_is_kept_as_far_as_it_was_heard() -> None:
    kept = []
    voice = CountingTTS()
    async with ConversationHarness(AGENT, replies=REPLIES, providers=remembering(voice)) as harness:
        for _ in range(2):
            session_id = await harness.create()
            call = await harness.call(session_id)
            await call.agent_finishes("How can I help?")
            await call.say("When are you open?")
            await call.agent_says("On Sunday")
            await call.say("What is your name?")
            await call.agent_finishes("This is the front desk.")
            kept.append((await harness.read(session_id)).conversation)
            await call.leave()
    made_first, from_memory = ([(t.speaker, t.text, t.state) for t in c.turns] for c in kept)
    assert from_memory == made_first
    cut = (Speaker.AGENT, "We are open from nine to six.", TurnState.INTERRUPTED)
    assert cut in from_memory
    assert voice.made.count("On Sunday we are closed.") == 1
