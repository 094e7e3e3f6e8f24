"""Pipecat's protobuf frames, read with suspicion."""

import json
from collections.abc import Callable
from typing import Any

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

from voice_agent.audio.input_audio import AudioFloodError, AudioRefusedError, InputAudio
from voice_agent.transports.base import AUDIO_IN_RATE, CloseReason

_Frame: Any = frames_pb2.Frame  # type: ignore[attr-defined] # made at run time

Violation = Callable[[CloseReason, str], None]
"""Called when the client breaks the rules: why the connection is closed, and what was wrong."""


class CheckedProtobufSerializer(ProtobufFrameSerializer):
    """Lets audio and messages in, converts audio to the pipeline's rate, refuses the rest.

    A client may not put other frames into the pipeline: a text frame there would be spoken, a
    transcription be taken for the user's words, past everything that the agent allows.
    """

    def __init__(self, now: Callable[[], float], on_violation: Violation) -> None:
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
        if isinstance(data, str):
            self._on_violation(
                CloseReason.UNSUPPORTED_DATA,
                "text message; this endpoint takes binary Pipecat protobuf frames",
            )
            return None
        try:
            received = _Frame.FromString(data)
            kind = received.WhichOneof("frame")
            if kind == "audio":
                return self._audio_frame(received.audio)
            if kind == "message":
                return InputTransportMessageFrame(message=json.loads(received.message.data))
        except DecodeError:
            self._on_violation(
                CloseReason.INVALID_PAYLOAD, "message is not a Pipecat protobuf frame"
            )
        except (ValueError, RecursionError):
            self._on_violation(CloseReason.INVALID_PAYLOAD, "message frame whose data is not JSON")
        except AudioRefusedError as error:
            self._on_violation(CloseReason.UNSUPPORTED_DATA, str(error))
        except AudioFloodError as error:
            self._on_violation(CloseReason.FLOODING, str(error))
        else:
            self._on_violation(
                CloseReason.UNSUPPORTED_DATA,
                f"{kind or 'unknown'} frames are not taken; send audio or message frames",
            )
        return None

    def _audio_frame(self, audio: Any) -> Frame | None:
        pcm = self._audio.convert(audio.audio, audio.sample_rate, audio.num_channels)
        if not pcm:
            return None
        return InputAudioRawFrame(audio=pcm, sample_rate=AUDIO_IN_RATE, num_channels=1)
