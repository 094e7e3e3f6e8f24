"""A scripted recogniser: understands `audible_text`, as fast as the test says."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.utils.time import time_now_iso8601

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.testing.audible_text import WordReader
from voice_agent.testing.script import Script

VOICE_ACTIVITY_S = 1.0
"""More than voice activity takes to notice the end of speech, from which Pipecat counts."""


class ScriptedSTT(Script):
    """A provider whose final transcript comes `latency_s` seconds after voice activity ends.

    Words are reported as they are heard; sound without words is no transcript.
    """

    def __init__(self, *, latency_s: float = 0.1, needs: Sequence[Resource[Any]] = ()) -> None:
        super().__init__(needs)
        self.latency_s = latency_s

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:  # noqa: ARG002
        """Return a recogniser for one leg."""
        self.take(lease)
        return _ScriptedSTTService(self)


class _ScriptedSTTService(STTService):
    def __init__(self, script: ScriptedSTT) -> None:
        super().__init__(
            ttfs_p99_latency=script.latency_s + VOICE_ACTIVITY_S,
            settings=STTSettings(model=None, language=None),
        )
        self._script = script
        self._reader = WordReader()
        self._words: list[str] = []
        self._finishing: set[asyncio.Task[Any]] = set()

    def can_generate_metrics(self) -> bool:
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        for word in self._reader.read(audio):
            self._words.append(word)
            yield InterimTranscriptionFrame(" ".join(self._words), "", time_now_iso8601())

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            words, self._words = self._words, []
            task = self.create_task(self._finish(" ".join(words)))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    async def cleanup(self) -> None:
        await super().cleanup()  # type: ignore[no-untyped-call]
        for task in tuple(self._finishing):
            await self.cancel_task(task)

    async def _finish(self, text: str) -> None:
        if await self._script.goes_wrong(self):
            return
        await asyncio.sleep(self._script.latency_s)
        if text:
            await self.push_frame(TranscriptionFrame(text, "", time_now_iso8601(), finalized=True))
