"""Says what happens in a pipeline, as events: who speaks, what was heard, how long it took."""

from collections.abc import Callable

from pipecat.frames.frames import (
    AggregatedTextFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    ClientConnectedFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame

from voice_agent.bot.heard_sentences import HeardSentences
from voice_agent.bot.recording_tap import RecordingTap
from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    AgentTurnEnded,
    ClientConnected,
    EventSink,
    LatencyMeasured,
    SentenceHeard,
    SpeakingStarted,
    SpeakingStopped,
    UserTurnEnded,
)


class TurnStopwatch:
    """Times one answer: end of speech, turn over, first words, first audio. Pure.

    All times are of one clock, in seconds.
    """

    def __init__(self) -> None:
        self._speech_ended: float | None = None
        self._turn_ended: float | None = None
        self._words_began: float | None = None

    def user_spoke(self, ended_at: float) -> None:
        """The user's speech ended at `ended_at`; starts over."""
        self._speech_ended, self._turn_ended, self._words_began = ended_at, None, None

    def turn_over(self, now: float) -> None:
        """The turn was judged over."""
        self._turn_ended = now

    def words_began(self, now: float) -> None:
        """The language model's first words arrived."""
        if self._words_began is None:
            self._words_began = now

    def audio_began(self, now: float) -> LatencyMeasured | None:
        """Return the times of this answer, or None when no speech of the user led to it."""
        if self._speech_ended is None or self._turn_ended is None:
            return None
        # The end of the turn travels behind the words it sets off, and may be noted after them.
        words = min(max(self._words_began or now, self._turn_ended), now)
        latency = LatencyMeasured(
            total_s=now - self._speech_ended,
            turn_s=self._turn_ended - self._speech_ended,
            llm_s=words - self._turn_ended,
            tts_s=now - words,
        )
        self._speech_ended = None
        return latency


class FirstWordsTimer(FrameProcessor):
    """Stands behind the language model and notes when its first words pass; direct mode."""

    def __init__(self, stopwatch: TurnStopwatch, now: Callable[[], float]) -> None:
        super().__init__(enable_direct_mode=True)
        self._stopwatch = stopwatch
        self._now = now

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            self._stopwatch.words_began(self._now())
        await self.push_frame(frame, direction)


class ConversationRecorder(FrameProcessor):
    """Stands behind the output transport, where a text arrives when its audio was played.

    Both processors run in direct mode: a queue of their own would lose what waits in it when the
    user interrupts. `now` returns the wall time in seconds, the clock of Pipecat's
    voice activity frames; `reaches_client` whether what is sent now can reach the client. What is
    played is given to `recording` too, until the pipeline ends.
    """

    def __init__(
        self,
        sink: EventSink,
        stopwatch: TurnStopwatch,
        now: Callable[[], float],
        reaches_client: Callable[[], bool],
        recording: RecordingTap | None = None,
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._recording = recording
        self._sink = sink
        self._stopwatch = stopwatch
        self._now = now
        self._reaches_client = reaches_client
        self._heard = HeardSentences(reaches_client)
        self._agent_turn_is_open = False
        self._agent_is_speaking = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Tell the sink what it means, and pass it on: all but audio, which nobody wants here."""
        await super().process_frame(frame, direction)
        if isinstance(frame, OutputAudioRawFrame):
            self._heard.audio_played()
            if self._recording is not None:
                self._recording.played(frame.audio)
            return
        if direction is FrameDirection.DOWNSTREAM:
            self._record_user(frame)
            self._record_agent(frame)
            if self._recording is not None:
                self._recording.pass_frame(frame)
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Leave nothing behind, also when the pipeline ended without a word."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        if self._recording is not None:
            self._recording.finish()

    def _record_user(self, frame: Frame) -> None:
        match frame:
            case ClientConnectedFrame():
                self._sink(ClientConnected())
            case VADUserStoppedSpeakingFrame():
                self._stopwatch.user_spoke(frame.timestamp - frame.stop_secs)
            case UserStartedSpeakingFrame():
                self._sink(SpeakingStarted(Speaker.USER))
            case UserStoppedSpeakingFrame():
                self._stopwatch.turn_over(self._now())
                self._sink(SpeakingStopped(Speaker.USER))
            case RTVISendTextFrame():
                self._sink(UserTurnEnded(frame.text, typed=True))

    def _record_agent(self, frame: Frame) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._agent_turn_is_open = True
                self._heard.response_began()
            case BotStartedSpeakingFrame():
                self._agent_turn_is_open = True
                self._agent_is_speaking = True
                self._sink(SpeakingStarted(Speaker.AGENT))
                latency = self._stopwatch.audio_began(self._now())
                if latency is not None:
                    self._sink(latency)
            case TTSTextFrame():
                self._sentence_heard(self._heard.text_passed(frame))
            case AggregatedTextFrame(skip_tts=True) if self._reaches_client():
                # The client asked for no audio: it reads.
                self._sentence_heard(frame.text)
            case BotStoppedSpeakingFrame():
                self._agent_is_speaking = False
                self._sink(SpeakingStopped(Speaker.AGENT))
                self._end_agent_turn(interrupted=False)
            case LLMFullResponseEndFrame() if not self._agent_is_speaking:
                self._end_agent_turn(interrupted=False)
            case InterruptionFrame():
                self._end_agent_turn(interrupted=True)
            case EndFrame() | CancelFrame():
                self._sentence_heard(self._heard.finish())

    def _sentence_heard(self, sentence: str | None) -> None:
        if sentence:
            self._agent_turn_is_open = True
            self._sink(SentenceHeard(sentence))

    def _end_agent_turn(self, *, interrupted: bool) -> None:
        self._sentence_heard(self._heard.finish())
        if self._agent_turn_is_open:
            self._agent_turn_is_open = False
            is_lost = not interrupted and not self._reaches_client()
            self._sink(AgentTurnEnded(interrupted or is_lost, lost=is_lost))
