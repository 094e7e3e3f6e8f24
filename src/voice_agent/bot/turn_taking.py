"""Turn-taking: when a turn of the user begins, and when it is over."""

from collections.abc import Callable

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import (
    TranscriptionUserTurnStartStrategy,
    VADUserTurnStartStrategy,
)
from pipecat.turns.user_stop import BaseUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from voice_agent.bot.turn_stopwatch import TurnStopwatch
from voice_agent.core.agent import Agent
from voice_agent.core.events import EventSink, TranscriptReceived
from voice_agent.core.knowledge import KnowledgeIndex


class TranscriptStopStrategy(BaseUserTurnStopStrategy):
    """Ends a turn at once when what was said is, as a whole, a question the agent knows.

    smart-turn judges by sound alone and takes one robotic question in seven for unfinished, which
    costs the caller the longest wait; what the transcript says overrules it. It also reports the
    transcripts, which no processor behind the user aggregator gets to see, and sets the stopwatch
    going. `now` returns the wall time in seconds, the clock of Pipecat's voice activity frames.
    """

    def __init__(
        self,
        knowledge: KnowledgeIndex,
        sink: EventSink,
        stopwatch: TurnStopwatch,
        now: Callable[[], float],
    ) -> None:
        super().__init__()
        self._knowledge = knowledge
        self._sink = sink
        self._stopwatch = stopwatch
        self._now = now
        self._is_speaking = False
        self._text = ""

    async def handle_user_turn_started(self) -> None:
        """Forget the last turn's words."""
        self._text = ""

    async def handle_user_turn_stopped(self) -> None:
        """Forget this turn's words."""
        self._text = ""

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Look at every frame that reaches the user aggregator; never stops other strategies."""
        await super().process_frame(frame)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._is_speaking = True
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._is_speaking = False
            self._stopwatch.user_spoke(frame.timestamp - frame.stop_secs, self._now())
            await self._end_when_complete()
        elif isinstance(frame, InterimTranscriptionFrame):
            self._sink(TranscriptReceived(frame.text, final=False))
        elif isinstance(frame, TranscriptionFrame):
            self._sink(TranscriptReceived(frame.text, final=True))
            self._text = f"{self._text} {frame.text}".strip()
            await self._end_when_complete()
        return ProcessFrameResult.CONTINUE

    async def _end_when_complete(self) -> None:
        if (
            self._text
            and not self._is_speaking
            and self._knowledge.is_complete_question(self._text)
        ):
            self._stopwatch.understood()
            await self.trigger_user_turn_stopped()


class TimedTurnStopStrategy(TurnAnalyzerUserTurnStopStrategy):
    """Pipecat's strategy, which also notes when a turn was judged complete.

    The turn ends then only when its words are there: how long that takes is the recogniser's.
    """

    def __init__(
        self, analyzer: BaseTurnAnalyzer, stopwatch: TurnStopwatch, now: Callable[[], float]
    ) -> None:
        super().__init__(turn_analyzer=analyzer)
        self._stopwatch = stopwatch
        self._now = now

    async def _maybe_trigger_user_turn_stopped(self) -> None:
        # Called after every verdict, and again when words arrive: the first time counts.
        if self._turn_complete:
            self._stopwatch.judged_complete(self._now())
        await super()._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]


def user_turn_strategies(
    agent: Agent,
    analyzer: BaseTurnAnalyzer,
    knowledge: KnowledgeIndex,
    sink: EventSink,
    stopwatch: TurnStopwatch,
    now: Callable[[], float],
) -> UserTurnStrategies:
    """Return the strategies of one leg of `agent`."""
    interrupts = agent.turn.interruptible
    return UserTurnStrategies(
        start=[
            VADUserTurnStartStrategy(enable_interruptions=interrupts),
            TranscriptionUserTurnStartStrategy(enable_interruptions=interrupts),
        ],
        stop=[
            TranscriptStopStrategy(knowledge, sink, stopwatch, now),
            TimedTurnStopStrategy(analyzer, stopwatch, now),
        ],
    )
