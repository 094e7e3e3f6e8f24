"""A scripted voice: audio that carries its words, see `audible_text`."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.testing.audible_text import spoken
from voice_agent.testing.script import Script

_CHUNK_S = 0.5


class ScriptedTTS(Script):
    """A provider that speaks after `latency_s` seconds, faster than its audio plays."""

    def __init__(self, *, latency_s: float = 0.1, needs: Sequence[Resource[Any]] = ()) -> None:
        super().__init__(needs)
        self.latency_s = latency_s

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:  # noqa: ARG002
        """Return a voice for one leg."""
        self.take(lease)
        return _ScriptedTTSService(self)


class _ScriptedTTSService(TTSService):
    def __init__(self, script: ScriptedTTS) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._script = script

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        if await self._script.goes_wrong(self):
            return
        await asyncio.sleep(self._script.latency_s)
        audio = spoken(text, self.sample_rate)
        step = 2 * round(_CHUNK_S * self.sample_rate)
        for start in range(0, len(audio), step):
            yield TTSAudioRawFrame(
                audio[start : start + step], self.sample_rate, 1, context_id=context_id
            )
