"""The Pipecat speech-to-text service of the embedded recognisers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    StartFrame,
    STTMuteFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from voice_agent.services.embedded.recogniser_pool import RecognitionError
from voice_agent.services.embedded.recognisers import Recognisers
from voice_agent.services.embedded.recognition_protocol import SAMPLE_RATE
from voice_agent.services.embedded.utterance import Utterance

TRANSCRIPT_LATENCY_S: Final = 0.25
"""How long after the end of speech was noticed the transcript is there, nearly always."""
_BEFORE_SPEECH_S: Final = 0.35
"""What is heard of the time before the speech was noticed to begin, beyond the detector's delay."""
_PENDING_UTTERANCES: Final = 8
"""Utterances that may wait for their result; a caller cannot speak faster than they come."""


class PreRoll:
    """The last of the audio before speech is noticed, a bounded number of bytes."""

    def __init__(self, duration_s: float) -> None:
        self._limit = int(duration_s * SAMPLE_RATE) * 2
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, pcm: bytes) -> None:
        """Add audio and forget what is too old."""
        self._chunks.append(pcm)
        self._size += len(pcm)
        while self._size - len(self._chunks[0]) >= self._limit:
            self._size -= len(self._chunks.popleft())

    def take(self) -> bytes:
        """Return what is kept and forget it."""
        audio = b"".join(self._chunks)[-self._limit :]
        self._chunks.clear()
        self._size = 0
        return audio


class PocketSphinxSTTService(STTService):
    """Hears one leg. Voice activity frames say when; only then does it take a recogniser."""

    Settings = STTSettings

    def __init__(self, recognisers: Recognisers, *, start_s: float, stop_s: float) -> None:
        super().__init__(
            settings=STTSettings(model="pocketsphinx", language=Language.EN_US),
            ttfs_p99_latency=stop_s + TRANSCRIPT_LATENCY_S,
        )
        self._recognisers = recognisers
        self._pre_roll = PreRoll(start_s + _BEFORE_SPEECH_S)
        self._resampler = create_stream_resampler()
        self._utterance: Utterance | None = None
        self._pending: asyncio.Queue[tuple[Utterance, bool] | None] = asyncio.Queue(
            _PENDING_UTTERANCES
        )
        self._delivery: asyncio.Task[None] | None = None
        self._caller_mean = ""

    def can_generate_metrics(self) -> bool:
        """Return True: it measures the time from the end of speech to the transcript."""
        return True

    async def start(self, frame: StartFrame) -> None:
        """Begin to deliver transcripts."""
        await super().start(frame)
        self._delivery = self.create_task(self._deliver_forever())

    async def stop(self, frame: EndFrame) -> None:
        """Deliver what was spoken, then stop."""
        await self._finish_utterance(is_final=True)
        if self._delivery is not None:
            await self._pending.put(None)
            await self._delivery
            self._delivery = None
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Drop what is being heard and stop."""
        await self._drop_everything()
        await super().cancel(frame)

    async def cleanup(self) -> None:
        """Give back whatever is still held."""
        await self._drop_everything()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the caller's voice; everything else is as in every speech-to-text service."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._begin_utterance()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._finish_utterance(is_final=True)
        elif isinstance(frame, STTMuteFrame) and frame.mute and self._utterance:
            self._utterance.abandon()
            self._utterance = None

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Hear 16-bit mono `audio` at the pipeline's rate; transcripts come when speech ends."""
        if self.sample_rate != SAMPLE_RATE:
            audio = await self._resampler.resample(audio, self.sample_rate, SAMPLE_RATE)
        if self._utterance is None:
            self._pre_roll.add(audio)
        else:
            self._utterance.feed(audio)
            if self._utterance.is_full:
                await self._finish_utterance(is_final=False)
                self._begin_utterance()
        yield None

    def _begin_utterance(self) -> None:
        if self.is_muted or self._delivery is None:
            return
        if self._utterance is None:
            self._utterance = self._recognisers.begin(self._caller_mean, self._push_partial)
            self._utterance.feed(self._pre_roll.take())

    async def _finish_utterance(self, *, is_final: bool) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.finish()
            await self._pending.put((utterance, is_final))

    async def _deliver_forever(self) -> None:
        while (waiting := await self._pending.get()) is not None:
            utterance, is_final = waiting
            try:
                recognition = await utterance.result()
            except RecognitionError as error:
                await self.push_error(f"Speech was not recognised: {error}", exception=error)
                continue
            except asyncio.CancelledError:
                utterance.abandon()
                raise
            self._caller_mean = recognition.mean or self._caller_mean
            if recognition.text:
                await self.push_frame(
                    TranscriptionFrame(
                        recognition.text,
                        self._user_id,
                        time_now_iso8601(),
                        Language.EN_US,
                        result=recognition,
                        finalized=is_final,
                    )
                )

    async def _push_partial(self, text: str) -> None:
        await self.push_frame(
            InterimTranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN_US)
        )

    async def _drop_everything(self) -> None:
        if self._utterance is not None:
            self._utterance.abandon()
            self._utterance = None
        if self._delivery is not None:
            delivery, self._delivery = self._delivery, None
            await self.cancel_task(delivery)
        while not self._pending.empty():
            waiting = self._pending.get_nowait()
            if waiting is not None:
                waiting[0].abandon()
