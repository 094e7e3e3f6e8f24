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
    MetricsFrame,
    OutputAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import MetricsData, TTFBMetricsData
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVISendTextFrame

from voice_agent.bot.heard_sentences import HeardSentences
from voice_agent.bot.recording_tap import RecordingTap
from voice_agent.bot.turn_stopwatch import TurnStopwatch
from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    AgentTurnEnded,
    ClientConnected,
    EventSink,
    SentenceHeard,
    SpeakingStarted,
    SpeakingStopped,
    UserTurnEnded,
)


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
    voice activity frames; `reaches_client` whether what is sent now can reach the client. `voice`
    is the name of the processor that speaks. What is played is given to `recording` too, until the
    pipeline ends.
    """

    def __init__(
        self,
        sink: EventSink,
        stopwatch: TurnStopwatch,
        now: Callable[[], float],
        reaches_client: Callable[[], bool],
        voice: str,
        recording: RecordingTap | None = None,
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._voice = voice
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
            case MetricsFrame():
                # The voice tells its time to the first audio when that audio is there.
                if any(self._is_first_audio(each) for each in frame.data):
                    self._stopwatch.speech_made(self._now())
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

    def _is_first_audio(self, figure: MetricsData) -> bool:
        return isinstance(figure, TTFBMetricsData) and figure.processor == self._voice

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
