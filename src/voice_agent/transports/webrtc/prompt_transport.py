"""Pipecat's WebRTC transport, falling silent at once when it is interrupted.

The one file that knows the insides of Pipecat's outgoing track: up to 40 ms of a chunk wait in it,
which Pipecat plays to their end.
"""

from typing import Any

from pipecat.frames.frames import Frame, InterruptionFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.smallwebrtc.transport import (
    RawAudioTrack,
    SmallWebRTCOutputTransport,
    SmallWebRTCTransport,
)


def drop_waiting_audio(track: RawAudioTrack) -> None:
    """Forget what `track` has not sent yet, and let go whoever waits for it to be sent.

    Raises:
        AttributeError: Pipecat keeps its audio elsewhere now.
    """
    waiting: Any = track._chunk_queue
    while waiting:
        _, sent = waiting.popleft()
        if sent is not None and not sent.done():
            sent.set_result(True)


class PromptOutputTransport(SmallWebRTCOutputTransport):
    """Drops the audio that waits in the track when the user interrupts."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Do as Pipecat does, and on an interruption drop what waits."""
        await super().process_frame(frame, direction)
        track = self._client._audio_output_track
        if isinstance(frame, InterruptionFrame) and track is not None:
            drop_waiting_audio(track)


class PromptWebRTCTransport(SmallWebRTCTransport):
    """Pipecat's transport with that output."""

    def output(self) -> PromptOutputTransport:
        """Return the output processor, made at the first call."""
        if not isinstance(self._output, PromptOutputTransport):
            self._output = PromptOutputTransport(self._client, self._params, name=self._output_name)
        return self._output
