"""Scripted engines of hearing: voice activity by loudness, turn completion by the words.

They stand in for Silero and smart-turn, so that no model is loaded. Whoever says words that end
in "..." has not finished.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer, BaseTurnParams, EndOfTurnState
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.metrics.metrics import MetricsData

from voice_agent.core.agent import TurnSettings
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind
from voice_agent.testing.audible_text import BLOCK_S, WordReader, duration_s, is_loud

UNFINISHED = "..."
"""How words end when the speaker has not finished."""


class LoudnessAnalyzer(VADAnalyzer):
    """Takes whatever is loud for speech, in windows of 20 ms, in line."""

    def num_frames_required(self) -> int:
        """Return the samples of one window."""
        return round(BLOCK_S * self.sample_rate)

    def voice_confidence(self, buffer: bytes) -> float:
        """Return 1 for a loud window and 0 for a silent one."""
        return 1.0 if is_loud(buffer) else 0.0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Return the state after `buffer`, without a thread."""
        return self._run_analyzer(buffer)

    def _get_smoothed_volume(self, audio: bytes) -> float:
        return self.voice_confidence(audio)


class WordsTurnAnalyzer(BaseTurnAnalyzer):
    """Takes a turn for over, unless its last word ends in "..." and the silence is still short."""

    def __init__(self, max_wait_s: float) -> None:
        super().__init__()
        self._max_wait_s = max_wait_s
        self._reader = WordReader()
        self._last_word = ""
        self._silence_s = 0.0
        self._has_spoken = False

    @property
    def speech_triggered(self) -> bool:
        """Whether there was speech since the last turn."""
        return self._has_spoken

    @property
    def params(self) -> BaseTurnParams:
        """Nothing to set."""
        return BaseTurnParams()

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """Listen to `buffer`; complete when it has been silent for the longest wait."""
        for word in self._reader.read(buffer):
            self._last_word = word
        if is_speech:
            self._has_spoken = True
            self._silence_s = 0.0
        elif self._has_spoken:
            self._silence_s += duration_s(buffer, self.sample_rate)
            if self._silence_s >= self._max_wait_s:
                self.clear()
                return EndOfTurnState.COMPLETE
        return EndOfTurnState.INCOMPLETE

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        """Judge the turn by its last word."""
        if self._last_word.endswith(UNFINISHED):
            return EndOfTurnState.INCOMPLETE, None
        self.clear()
        return EndOfTurnState.COMPLETE, None

    def clear(self) -> None:
        """Forget the turn."""
        self._last_word = ""
        self._silence_s = 0.0
        self._has_spoken = False


class ScriptedVoiceActivity:
    """What the pool lends for hearing speech."""

    def analyzer(self, turn: TurnSettings) -> VADAnalyzer:
        """Return a fresh analyzer for one leg."""
        return LoudnessAnalyzer(
            params=VADParams(
                confidence=turn.confidence, start_secs=turn.start_s, stop_secs=turn.stop_s
            )
        )


class ScriptedTurnCompletion:
    """What the pool lends for judging whether a turn is over."""

    def analyzer(self, turn: TurnSettings) -> BaseTurnAnalyzer:
        """Return a fresh analyzer for one leg."""
        return WordsTurnAnalyzer(turn.max_wait_s)


def _made_by(make: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def create() -> Any:
        return make()

    return create


SCRIPTED_VOICE_ACTIVITY: Resource[Any] = Resource(
    ResourceKey(ResourceKind.SHARED, "vad", "scripted"), _made_by(ScriptedVoiceActivity)
)
"""The voice activity engine, as the pool knows it."""
SCRIPTED_TURN_COMPLETION: Resource[Any] = Resource(
    ResourceKey(ResourceKind.SHARED, "turn", "scripted"), _made_by(ScriptedTurnCompletion)
)
"""The turn completion engine, as the pool knows it."""
