"""Says what no language model was asked for, and notes what the agent is about to say."""

from dataclasses import dataclass

from pipecat.frames.frames import (
    ClientConnectedFrame,
    DataFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMRunFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.bot.opening import Opening
from voice_agent.core.events import AnswerWritten, EventSink


@dataclass
class SayFrame(DataFrame):
    """Words for the agent to say, from outside the conversation."""

    text: str


class Prompter(FrameProcessor):
    """Stands before text-to-speech; the opening follows the first client's arrival.

    What it says goes as a language model's response would: sentence by sentence, so that the first
    is heard early and each that was heard is kept. Of every response the whole text is told to
    `sink` as soon as it is there, so that what was not heard of it can be said later.
    """

    def __init__(self, opening: Opening, sink: EventSink) -> None:
        super().__init__(enable_direct_mode=True)
        self._opening: Opening | None = opening
        self._sink = sink
        self._written: list[str] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything but what is to be said, which goes on as a response."""
        await super().process_frame(frame, direction)
        if isinstance(frame, SayFrame):
            await self._say(frame.text)
            return
        if direction is FrameDirection.DOWNSTREAM:
            self._note(frame)
        await self.push_frame(frame, direction)
        if isinstance(frame, ClientConnectedFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._open()

    def _note(self, frame: Frame) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._written = []
            case LLMTextFrame() if self._written is not None:
                self._written.append(frame.text)
            case LLMFullResponseEndFrame() if self._written:
                self._sink(AnswerWritten("".join(self._written).strip()))
                self._written = None
            case InterruptionFrame():
                # What is still written of a response that was cut off is not going to be said.
                self._written = None

    async def _open(self) -> None:
        opening, self._opening = self._opening, None
        if opening is None:
            return
        if opening.words:
            await self._say(opening.words)
        elif opening.answers:
            await self.push_frame(LLMRunFrame(), FrameDirection.UPSTREAM)

    async def _say(self, text: str) -> None:
        self._sink(AnswerWritten(text, prompted=True))
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())
