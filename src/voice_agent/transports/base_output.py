"""Where an agent's audio leaves a pipeline, without what nobody listens for."""

from typing import Any

from pipecat.frames.frames import BotSpeakingFrame, Frame
from pipecat.transports.base_output import BaseOutputTransport


class SpeakingOutput(BaseOutputTransport):
    """What each transport's output adds to Pipecat's; stands before it among the base classes.

    Five times a second Pipecat sends a `BotSpeakingFrame` through the whole pipeline, up and down,
    for idle timers that this project does without.
    """

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:
        """Send a frame both ways, unless nobody listens for it."""
        if frame_cls is not BotSpeakingFrame:
            await super().broadcast_frame(frame_cls, **kwargs)
