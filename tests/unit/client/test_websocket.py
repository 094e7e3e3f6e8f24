"""The protobuf frames of a call over WebSocket, read back by Pipecat's own serializer."""

from pipecat.frames.frames import InputAudioRawFrame, InputTransportMessageFrame
from pipecat.serializers.protobuf import ProtobufFrameSerializer

from voice_agent.client.websocket import audio_frame, message_frame


async def test_audio_is_what_pipecat_reads() -> None:
    frame = await ProtobufFrameSerializer().deserialize(audio_frame(b"\x01\x02" * 320))

    assert isinstance(frame, InputAudioRawFrame)
    assert (frame.sample_rate, frame.num_channels) == (16000, 1)
    assert frame.audio == b"\x01\x02" * 320


async def test_a_message_is_what_pipecat_reads() -> None:
    message = {"label": "rtvi-ai", "type": "client-ready", "data": {"words": "größer"}}

    frame = await ProtobufFrameSerializer().deserialize(message_frame(message))

    assert isinstance(frame, InputTransportMessageFrame)
    assert frame.message == message
