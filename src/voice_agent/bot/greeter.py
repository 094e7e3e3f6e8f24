"""Greets a client when it is there."""

from pipecat.frames.frames import (
    ClientConnectedFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class Greeter(FrameProcessor):
    """Stands before text-to-speech and says `greeting` once, to the first client.

    It goes as a language model's response would: sentence by sentence, so that the first is heard
    early and each that was heard is kept.
    """

    def __init__(self, greeting: str) -> None:
        super().__init__(enable_direct_mode=True)
        self._greeting: str | None = greeting

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything; the greeting follows the client's arrival."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, ClientConnectedFrame) and direction is FrameDirection.DOWNSTREAM:
            greeting, self._greeting = self._greeting, None
            if greeting is not None:
                await self.push_frame(LLMFullResponseStartFrame())
                await self.push_frame(LLMTextFrame(greeting))
                await self.push_frame(LLMFullResponseEndFrame())
