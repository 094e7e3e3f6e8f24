"""Pipecat's protobuf frames, read with suspicion."""

from collections.abc import Callable

from google.protobuf.message import DecodeError
from loguru import logger
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
)
from pipecat.serializers.protobuf import ProtobufFrameSerializer

from voice_agent.audio.input_audio import AudioFloodError, AudioRefusedError, InputAudio
from voice_agent.transports.base import AUDIO_IN_RATE, CloseReason

Violation = Callable[[CloseReason, str], None]
"""Called when the client breaks the rules: why the connection is closed, and what was wrong."""


class CheckedProtobufSerializer(ProtobufFrameSerializer):
    """Lets audio and messages in, converts audio to the pipeline's rate, refuses the rest.

    A client may not put other frames into the pipeline: a text frame there would be spoken, a
    transcription be taken for the user's words, past everything that the agent allows.
    """

    def __init__(self, now: Callable[[], float], on_violation: Violation, session_id: str) -> None:
        super().__init__()
        self._audio = InputAudio(AUDIO_IN_RATE, now)
        self._on_violation = on_violation
        self._log = logger.bind(session_id=session_id)
        self._has_warned = False

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the frame's bytes, or None for one that has none on this wire."""
        if isinstance(frame, EndFrame | CancelFrame):
            return None
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame in `data`, or None when it holds none that may pass."""
        if isinstance(data, str):
            self._on_violation(
                CloseReason.UNSUPPORTED_DATA,
                "text message; this endpoint takes binary Pipecat protobuf frames",
            )
            return None
        try:
            frame = await super().deserialize(data)
        except (DecodeError, TypeError, ValueError):
            self._on_violation(
                CloseReason.INVALID_PAYLOAD, "message is not a Pipecat protobuf frame"
            )
            return None
        if isinstance(frame, InputAudioRawFrame):
            return self._checked(frame)
        if isinstance(frame, InputTransportMessageFrame):
            return frame
        if not self._has_warned:
            self._has_warned = True
            self._log.warning(
                "frames of type {} are not taken from a client, ignoring them",
                type(frame).__name__ if frame else "unknown",
            )
        return None

    def _checked(self, frame: InputAudioRawFrame) -> Frame | None:
        try:
            pcm = self._audio.convert(frame.audio, frame.sample_rate, frame.num_channels)
        except AudioRefusedError as error:
            self._on_violation(CloseReason.UNSUPPORTED_DATA, str(error))
            return None
        except AudioFloodError as error:
            self._on_violation(CloseReason.FLOODING, str(error))
            return None
        if not pcm:
            return None
        return InputAudioRawFrame(audio=pcm, sample_rate=AUDIO_IN_RATE, num_channels=1)
