"""Pipecat's protobuf frames, read with suspicion."""

from collections.abc import Callable
from typing import Any, cast

from google.protobuf.message import DecodeError
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
)
from pipecat.frames.protobufs import frames_pb2
from pipecat.serializers.protobuf import ProtobufFrameSerializer

from voice_agent.audio.input_audio import (
    AudioFloodError,
    AudioRefusedError,
    InputAudio,
    require_usable,
)
from voice_agent.transports.base import AUDIO_IN_RATE, CloseReason
from voice_agent.transports.json_message import MessageRefusedError, read_message

OnViolation = Callable[[CloseReason, str], None]
"""Called when the client breaks the rules: why the connection is closed, and what was wrong."""
WireFrame = cast("Any", frames_pb2).Frame


class FrameRefusedError(Exception):
    """The client may not send this; the message says what is wrong, without what was sent."""

    def __init__(self, reason: CloseReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_frame(data: str | bytes) -> InputAudioRawFrame | InputTransportMessageFrame:
    """Return the audio, as the client sent it, or the message in `data`.

    Raises:
        FrameRefusedError: It is neither.
    """
    frame = _wire_frame(data)
    if frame.WhichOneof("frame") == "audio":
        return _audio(frame.audio.audio, frame.audio.sample_rate, frame.audio.num_channels)
    return _message(frame.message.data)


def _wire_frame(data: str | bytes) -> Any:
    """Return the protobuf frame of audio or of a message in `data`.

    A client may not put other frames into a pipeline: a text frame there would be spoken, a
    transcription be taken for the user's words, past everything that the agent allows.

    Raises:
        FrameRefusedError: It is neither.
    """
    if isinstance(data, str):
        raise FrameRefusedError(
            CloseReason.UNSUPPORTED_DATA,
            "text message; this endpoint takes binary Pipecat protobuf frames",
        )
    try:
        frame = WireFrame.FromString(data)
    except (DecodeError, ValueError):
        raise FrameRefusedError(
            CloseReason.INVALID_PAYLOAD, "message is not a Pipecat protobuf frame"
        ) from None
    kind = frame.WhichOneof("frame")
    if kind not in ("audio", "message"):
        raise FrameRefusedError(
            CloseReason.UNSUPPORTED_DATA,
            f"{kind or 'unknown'} frames are not taken; send audio or message frames",
        )
    return frame


class CheckedProtobufSerializer(ProtobufFrameSerializer):
    """Lets audio and messages in, converts audio to the pipeline's rate, refuses the rest."""

    def __init__(self, now: Callable[[], float], on_violation: OnViolation) -> None:
        super().__init__()
        self._audio = InputAudio(AUDIO_IN_RATE, now)
        self._on_violation = on_violation

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Return the frame's bytes, or None for one that has none on this wire."""
        if isinstance(frame, EndFrame | CancelFrame):
            return None
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Return the frame in `data`, or None when it holds none that may pass."""
        taken = self.take(data)
        if isinstance(taken, bytes):
            return InputAudioRawFrame(audio=taken, sample_rate=AUDIO_IN_RATE, num_channels=1)
        return taken

    def take(self, data: str | bytes) -> bytes | InputTransportMessageFrame | None:
        """Return the audio in `data`, mono at the pipeline's rate, or the message.

        None when it holds nothing that may pass, and when nothing comes of its audio yet.
        """
        try:
            frame = _wire_frame(data)
            if frame.WhichOneof("frame") == "message":
                return _message(frame.message.data)
            return self._converted(frame.audio)
        except FrameRefusedError as error:
            self._on_violation(error.reason, str(error))
        except AudioRefusedError as error:
            self._on_violation(CloseReason.UNSUPPORTED_DATA, str(error))
        except AudioFloodError as error:
            self._on_violation(CloseReason.FLOODING, str(error))
        return None

    def _converted(self, audio: Any) -> bytes | None:
        return self._audio.convert(audio.audio, audio.sample_rate, audio.num_channels) or None


def _audio(pcm: bytes, rate: int, channels: int) -> InputAudioRawFrame:
    try:
        require_usable(pcm, rate, channels)
    except AudioRefusedError as error:
        raise FrameRefusedError(CloseReason.UNSUPPORTED_DATA, str(error)) from None
    return InputAudioRawFrame(audio=pcm, sample_rate=rate, num_channels=channels)


def _message(data: str) -> InputTransportMessageFrame:
    try:
        return InputTransportMessageFrame(message=read_message(data))
    except MessageRefusedError as error:
        raise FrameRefusedError(
            CloseReason.INVALID_PAYLOAD,
            f"message frame whose {error}",
        ) from None
