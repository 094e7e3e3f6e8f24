"""Pipecat's user aggregator, as the last processor that the caller's audio reaches."""

from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection


class UserAggregator(LLMUserAggregator):
    """Passes no audio of the caller on: its turn strategies are the last to want it.

    Behind it, each frame would cross six more processors, each a queue and a task, for nothing.
    """

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Push `frame`, unless it is audio of the caller."""
        if not isinstance(frame, InputAudioRawFrame):
            await super().push_frame(frame, direction)
