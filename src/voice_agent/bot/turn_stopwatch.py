"""Times one answer, from the end of the user's speech to the agent's first audio."""

from voice_agent.core.events import LatencyMeasured


class TurnStopwatch:
    """Is told what happens on the way to an answer, and what it took. Pure.

    All times are of one clock, in seconds.
    """

    def __init__(self) -> None:
        self._speech_ended: float | None = None
        self._silence_noticed = 0.0
        self._start_over()

    def _start_over(self) -> None:
        self._judged: float | None = None
        self._is_understood = False
        self._turn_ended: float | None = None
        self._words_began: float | None = None
        self._speech_made: float | None = None

    def user_spoke(self, ended_at: float, now: float) -> None:
        """The user's speech ended at `ended_at`, which is noticed now; starts over."""
        self._start_over()
        self._speech_ended, self._silence_noticed = ended_at, now

    def judged_complete(self, now: float) -> None:
        """What was said sounds finished, or it was silent for long enough."""
        if self._judged is None and not self._is_understood:
            self._judged = now

    def understood(self) -> None:
        """What was said is complete by its words: no other verdict was waited for."""
        self._is_understood = True

    def turn_over(self, now: float) -> None:
        """The turn ended: judged over, and transcribed."""
        self._turn_ended = now

    def words_began(self, now: float) -> None:
        """The language model's first words arrived."""
        if self._words_began is None:
            self._words_began = now

    def speech_made(self, now: float) -> None:
        """The voice made the first audio of these words."""
        if self._speech_made is None and self._turn_ended is not None:
            self._speech_made = now

    def audio_began(self, now: float) -> LatencyMeasured | None:
        """Return the times of this answer, or None when no speech of the user led to it."""
        if self._speech_ended is None or self._turn_ended is None:
            return None
        began, turn_ended = self._speech_ended, self._turn_ended
        # The end of the turn travels behind the words it sets off, and may be noted after them.
        words = min(max(self._words_began or now, turn_ended), now)
        verdict = min(max(self._verdict(turn_ended), began), turn_ended)
        made = None if self._speech_made is None else min(max(self._speech_made, words), now)
        self._speech_ended = None
        return LatencyMeasured(
            total_s=now - began,
            turn_s=turn_ended - began,
            llm_s=words - turn_ended,
            tts_s=now - words,
            verdict_s=verdict - began,
            stt_s=turn_ended - verdict,
            synthesis_s=None if made is None else made - words,
            output_s=None if made is None else now - made,
        )

    def _verdict(self, turn_ended: float) -> float:
        if self._judged is not None:
            return self._judged
        # The words ended the turn as soon as they were there: what was waited for are they.
        return self._silence_noticed if self._is_understood else turn_ended
