"""The Pipecat text-to-speech service of the embedded engines."""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any, Final

from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings

from voice_agent.core.errors import SettingsError
from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.leading_silence import LeadingSilence
from voice_agent.services.embedded.synthesis_protocol import Voice
from voice_agent.services.embedded.synthesizer import Synthesizer
from voice_agent.services.embedded.voice_choice import named_voice
from voice_agent.services.speaks_from_memory import SpeaksFromMemory

LONGEST_LEAD_S: Final = 15.0
"""Seconds of speech made ahead of the listener, so a long text takes little memory."""
_FRAME_S: Final = 0.1
_PAUSE_S: Final = 0.02


class SpeechFramer:
    """Cuts samples into frames: what there is at once for the first, 100 ms for the others."""

    def __init__(self, sample_rate: int) -> None:
        self._frame_bytes = int(sample_rate * _FRAME_S) * 2
        self._rest = bytearray()
        self._begun = False

    def add(self, audio: bytes) -> list[bytes]:
        """Return the frames that are complete with `audio`."""
        self._rest += audio
        if not self._begun and self._rest:
            self._begun = True
            return self.finish()
        frames = []
        while len(self._rest) >= self._frame_bytes:
            frames.append(bytes(self._rest[: self._frame_bytes]))
            del self._rest[: self._frame_bytes]
        return frames

    def finish(self) -> list[bytes]:
        """Return what is left, as frames of at most 100 ms."""
        size = self._frame_bytes
        rest, self._rest = bytes(self._rest), bytearray()
        return [rest[start : start + size] for start in range(0, len(rest), size)]


class EmbeddedTTSService(SpeaksFromMemory):
    """Speaks through a synthesis engine that all legs share; one service for one leg."""

    Settings = TTSSettings

    def __init__(
        self, synthesizer: Synthesizer, voice: Voice, *, language: str, speed: float = 1.0
    ) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=voice.name, language=language),
        )
        self._synthesizer = synthesizer
        self._voice = voice
        self._speed = speed
        self._context_id = ""

    @property
    def voice_identity(self) -> Hashable:
        """What tells apart what would sound different: the speed too."""
        return super().voice_identity, self._voice, self._speed

    def can_generate_metrics(self) -> bool:
        """Return True: it measures its time to the first audio."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield the speech of `text`; the quiet before it only where it parts two sentences."""
        if context_id == self._context_id:
            async with aclosing(super().run_tts(text, context_id)) as frames:
                async for frame in frames:
                    yield frame
            return
        self._context_id = context_id
        silence = LeadingSilence(self.sample_rate)
        async with aclosing(super().run_tts(text, context_id)) as frames:
            async for frame in frames:
                if not isinstance(frame, TTSAudioRawFrame):
                    yield frame
                elif audio := silence.after(frame.audio):
                    yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)
        if audio := silence.rest():
            yield TTSAudioRawFrame(audio, self.sample_rate, 1, context_id=context_id)

    async def make_speech(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield the speech of `text` in frames of at most 100 ms, the first as early as can be.

        Text without anything to say gives a pause of 20 ms. Cancelling stops the engine's work.
        """
        await self.start_tts_usage_metrics(text)
        audible = False
        try:
            async with aclosing(self._paced_audio(text)) as audio:
                async for chunk in audio:
                    audible = True
                    yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
        except HelperError as error:
            yield ErrorFrame(error=f"{self}: cannot speak: {error}")
            return
        if not audible:
            silence = bytes(int(self.sample_rate * _PAUSE_S) * 2)
            yield TTSAudioRawFrame(silence, self.sample_rate, 1, context_id=context_id)

    async def _update_settings(self, delta: TTSSettings) -> dict[str, Any]:  # type: ignore[override]
        changed = await super()._update_settings(delta)
        if "voice" in changed and isinstance(self._settings.voice, str):
            try:
                voices = self._synthesizer.voices
                self._voice = named_voice(
                    voices, self._settings.voice, self._synthesizer.helper.name
                )
            except SettingsError as error:
                await self.push_error(str(error))
        return changed

    async def _paced_audio(self, text: str) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        made_s = 0.0
        async with aclosing(self._resampled_audio(text)) as audio:
            async for chunk in audio:
                yield chunk
                made_s += len(chunk) / 2 / self.sample_rate
                lead_s = made_s - (loop.time() - began)
                if lead_s > LONGEST_LEAD_S:
                    await asyncio.sleep(lead_s - LONGEST_LEAD_S)

    async def _resampled_audio(self, text: str) -> AsyncGenerator[bytes, None]:
        resampler = create_stream_resampler(quality="HQ", clear_after_secs=None)
        framer = SpeechFramer(self.sample_rate)
        rate = self._voice.sample_rate
        async with aclosing(self._synthesizer.speak(text, self._voice, self._speed)) as speech:
            async for chunk in speech:
                for frame in framer.add(await resampler.resample(chunk, rate, self.sample_rate)):
                    yield frame
        for frame in framer.add(await resampler.flush()) + framer.finish():
            yield frame
