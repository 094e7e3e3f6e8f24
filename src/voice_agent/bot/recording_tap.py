"""Where a leg's audio leaves its pipeline to be recorded, and what is said about it."""

from collections.abc import Callable, Mapping
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.audio.recording.recorder import ActiveRecording, Recorder
from voice_agent.core.events import EventSink, RecordingEnded, RecordingStarted
from voice_agent.transports.base import AUDIO_IN_RATE, AUDIO_OUT_RATE

Notice = Mapping[str, Any]
STARTED: Notice = {"type": "recording", "state": "started"}
ENDED: Notice = {"type": "recording", "state": "ended"}
"""What the client is told, in RTVI server messages."""


class RecordingTap:
    """Records one leg from its first audio to its end.

    The caller's audio is taken where voice activity has been judged, the agent's behind the
    output transport, where it has been played. Neither needs a processor of its own in the
    pipeline, which each frame would have to pass; but for transports that are Pipecat's own.

    Args:
        recorder: What records.
        session_id: Whose leg it is.
        sink: Told when the recording begins and ends.
        tell_client: Sends the client a message.
    """

    def __init__(
        self,
        recorder: Recorder,
        session_id: str,
        sink: EventSink,
        tell_client: Callable[[Notice], None],
    ) -> None:
        self._recorder = recorder
        self._session_id = session_id
        self._sink = sink
        self._tell_client = tell_client
        self._recording: ActiveRecording | None = None
        self._number: int | None = None
        self._duration_s: float | None = None

    def heard(self, pcm: bytes) -> None:
        """The caller said this until now."""
        recording = self._running(len(pcm) / 2 / AUDIO_IN_RATE)
        if recording is not None:
            recording.heard(pcm)

    def played(self, pcm: bytes) -> None:
        """The agent said this until now."""
        recording = self._running(len(pcm) / 2 / AUDIO_OUT_RATE)
        if recording is not None:
            recording.played(pcm)

    def pass_frame(self, frame: Frame) -> None:
        """Take note of what ends the agent's speech, or the leg."""
        if isinstance(frame, InterruptionFrame) and self._recording is not None:
            self._recording.interrupted()
        elif isinstance(frame, EndFrame | CancelFrame):
            self.finish()

    def finish(self) -> None:
        """The leg is over; again it does nothing."""
        if self._duration_s is None:
            self._end()

    def recording_started(self, number: int) -> None:
        """The file is there."""
        self._number = number
        self._sink(RecordingStarted(number))
        if self._duration_s is None:
            self._tell_client(STARTED)
        else:
            self._sink(RecordingEnded(number, self._duration_s))

    def recording_failed(self) -> None:
        """Nothing more is recorded; the leg goes on."""
        if self._duration_s is None:
            self._end()
            if self._number is not None:
                self._tell_client(ENDED)

    def _running(self, first_s: float) -> ActiveRecording | None:
        if self._recording is None and self._duration_s is None:
            self._recording = self._recorder.start(self._session_id, self, began_s_ago=first_s)
            if self._recording is None:
                self._duration_s = 0.0
        return self._recording

    def _end(self) -> None:
        self._duration_s = self._recording.duration_s if self._recording is not None else 0.0
        if self._recording is not None:
            self._recording.finish()
            self._recording = None
        if self._number is not None:
            self._sink(RecordingEnded(self._number, self._duration_s))


class CallerListener(FrameProcessor):
    """Stands behind the input of a transport that is Pipecat's own; direct mode."""

    def __init__(self, recording: RecordingTap) -> None:
        super().__init__(enable_direct_mode=True)
        self._recording = recording

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._recording.heard(frame.audio)
        await self.push_frame(frame, direction)
