import asyncio

from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from voice_agent.transports.webrtc.prompt_transport import (
    PromptOutputTransport,
    PromptWebRTCTransport,
    drop_waiting_audio,
)


async def test_what_waits_in_the_track_is_dropped_and_nobody_waits_for_it() -> None:
    track = RawAudioTrack(sample_rate=24_000)
    writing = asyncio.ensure_future(track.add_audio_bytes(b"\x01" * 1920))
    drop_waiting_audio(track)
    assert await asyncio.wait_for(writing, timeout=1) is True
    frame = await track.recv()
    assert not frame.to_ndarray().any()


async def test_the_transport_has_one_prompt_output() -> None:
    connection = SmallWebRTCConnection()
    try:
        transport = PromptWebRTCTransport(connection, TransportParams(audio_out_enabled=True))
        assert isinstance(transport.output(), PromptOutputTransport)
        assert transport.output() is transport.output()
    finally:
        await connection.disconnect()
