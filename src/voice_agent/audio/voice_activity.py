"""Voice activity: Pipecat's analyzer for each call, on the one Silero model of the process."""

import asyncio
from collections import deque
from typing import Final

from pipecat.audio.utils import calculate_audio_volume
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.audio.volume import AudioVolumeTracker

from voice_agent.audio.silero import SAMPLE_RATE, WINDOW_BYTES, SileroEngine
from voice_agent.core.agent import TurnSettings
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

MIN_VOLUME = 0.3
"""Loudness, 0 to 1 on Pipecat's scale, below which nothing is speech. Pipecat's own 0.6 recognises
quiet voices 40 to 115 ms later (measured on flite's), which delays every barge-in."""
RECALLED_WINDOWS: Final = 32
"""How many windows without a voice are measured after all when one comes. Pipecat's smoothing
takes a fifth of each new loudness, so what came before them weighs less than a thousandth."""
_LOUDNESS_WINDOWS: Final = 13
"""How many windows Pipecat's measure of loudness looks back: 0.4 s."""


class _VolumeTracker(AudioVolumeTracker):
    """Pipecat's volume tracker, measuring a copy of its window.

    Pipecat measures the window itself, through a view that it cannot grow beside. Who looks at the
    frames of this thread at that moment (a profiler, a watch on the event loop) keeps the view, and
    the next audio fails.
    """

    @property
    def volume(self) -> float:
        """Loudness of the window, 0 to 1."""
        if self._volume is None:
            self._volume = calculate_audio_volume(bytes(self._buffer), self._sample_rate)
        return self._volume


class SharedSileroAnalyzer(SileroVADAnalyzer):
    """Pipecat's Silero analyzer, its states and its resets, without a model of its own."""

    def __init__(self, engine: SileroEngine, params: VADParams) -> None:
        # Skips SileroVADAnalyzer's constructor, which would load the model again (50 ms of CPU
        # and 10 MB a call); sets what it would have set.
        VADAnalyzer.__init__(self, params=params)
        self._engine = engine
        self._memory = engine.open()
        self._model = self._memory  # type: ignore[assignment] # Pipecat only resets it
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._volume_tracker = _VolumeTracker()  # type: ignore[no-untyped-call]
        self._judged: float | None = None
        self._confidence = 0.0
        self._unmeasured: deque[bytes] = deque(maxlen=_LOUDNESS_WINDOWS + RECALLED_WINDOWS)

    def set_sample_rate(self, sample_rate: int) -> None:
        """Take the pipeline's rate.

        Raises:
            ValueError: It is not 16 kHz, at which this project hears.
        """
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"audio in a pipeline has {SAMPLE_RATE} Hz, not {sample_rate}")
        super().set_sample_rate(sample_rate)

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Return the state after `buffer`, without a thread.

        Pipecat's hop to a thread and back takes 0.4 ms, longer than the model.
        """
        heard = self._vad_buffer + buffer
        # Resets depend on the state after each window; longer audio is judged window by window.
        if WINDOW_BYTES <= len(heard) < 2 * WINDOW_BYTES:
            self._judged = await self._engine.confidence(self._memory, heard[:WINDOW_BYTES])
        return self._run_analyzer(buffer)

    def voice_confidence(self, buffer: bytes) -> float:
        """Return how sure the model is, 0 to 1, that there is a voice in the window `buffer`."""
        confidence, self._judged = self._judged, None
        if confidence is None:
            confidence = self._engine.confidence_alone(self._memory, buffer)
        self._maybe_reset_model(confidence)
        self._confidence = confidence
        return confidence

    def _get_smoothed_volume(self, audio: bytes) -> float:
        """Return the loudness, as it was where it does not matter: nobody speaks in this window.

        Measuring it takes as long as the model does for a window, and most of a call is silence.
        """
        if self._confidence < self._params.confidence:
            self._unmeasured.append(audio)
            return self._prev_volume
        while self._unmeasured:
            window = self._unmeasured.popleft()
            if len(self._unmeasured) >= RECALLED_WINDOWS:
                self._volume_tracker.update(window, self.sample_rate)
            else:
                self._prev_volume = super()._get_smoothed_volume(window)
        return super()._get_smoothed_volume(audio)

    async def cleanup(self) -> None:
        """Forget the call."""
        self._engine.close(self._memory)
        await super().cleanup()  # type: ignore[no-untyped-call]


class VoiceActivityEngine:
    """The loaded model, from which every call takes an analyzer."""

    def __init__(self, silero: SileroEngine) -> None:
        self._silero = silero

    def analyzer(self, turn: TurnSettings) -> VADAnalyzer:
        """Return a fresh analyzer for one call, for 16 kHz mono 16-bit audio."""
        params = VADParams(
            confidence=turn.confidence,
            start_secs=turn.start_s,
            stop_secs=turn.stop_s,
            min_volume=MIN_VOLUME,
        )
        return SharedSileroAnalyzer(self._silero, params)


async def _load() -> VoiceActivityEngine:
    analyzer = await asyncio.to_thread(SileroVADAnalyzer)
    try:
        return VoiceActivityEngine(SileroEngine(analyzer._model.session))
    finally:
        await analyzer.cleanup()


VOICE_ACTIVITY: Resource[VoiceActivityEngine] = Resource(
    ResourceKey(ResourceKind.SHARED, "vad", "silero"), _load
)
"""The voice activity engine, as the pool knows it."""
