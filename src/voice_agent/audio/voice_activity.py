"""Voice activity: one Silero model in a process, a small state for each call."""

import asyncio

import onnxruntime
from pipecat.audio.utils import calculate_audio_volume
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.audio.volume import AudioVolumeTracker

from voice_agent.core.agent import TurnSettings
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

MIN_VOLUME = 0.3
"""Loudness, 0 to 1 on Pipecat's scale, below which nothing is speech. Pipecat's own 0.6 recognises
quiet voices 40 to 115 ms later (measured on flite's), which delays every barge-in."""


class _SharedSileroModel(SileroOnnxModel):
    """Pipecat's model wrapper round a session that other calls use too."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.sample_rates = [8000, 16000]
        self.reset_states()  # type: ignore[no-untyped-call]


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
    """Pipecat's Silero analyzer without a model of its own."""

    def __init__(self, session: onnxruntime.InferenceSession, params: VADParams) -> None:
        # Skips SileroVADAnalyzer's constructor, which would load the model again (50 ms of CPU
        # and 10 MB a call); sets what it would have set.
        VADAnalyzer.__init__(self, params=params)
        self._model = _SharedSileroModel(session)
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._volume_tracker = _VolumeTracker()  # type: ignore[no-untyped-call]

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Return the state after `buffer`, in line.

        A window takes 0.14 ms; Pipecat's hop to a thread and back takes 0.4 ms.
        """
        return self._run_analyzer(buffer)


class VoiceActivityEngine:
    """The loaded model, from which every call takes an analyzer."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def analyzer(self, turn: TurnSettings) -> VADAnalyzer:
        """Return a fresh analyzer for one call, for 8 or 16 kHz mono 16-bit audio."""
        params = VADParams(
            confidence=turn.confidence,
            start_secs=turn.start_s,
            stop_secs=turn.stop_s,
            min_volume=MIN_VOLUME,
        )
        return SharedSileroAnalyzer(self._session, params)


async def _load() -> VoiceActivityEngine:
    analyzer = await asyncio.to_thread(SileroVADAnalyzer)
    try:
        return VoiceActivityEngine(analyzer._model.session)
    finally:
        await analyzer.cleanup()


VOICE_ACTIVITY: Resource[VoiceActivityEngine] = Resource(
    ResourceKey(ResourceKind.SHARED, "vad", "silero"), _load
)
"""The voice activity engine, as the pool knows it."""
