import asyncio
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from pipecat.frames.frames import InputAudioRawFrame
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCInputTransport

from voice_agent.transports.webrtc.prompt_transport import (
    RECEIVE_TIMEOUT_S,
    HearingWebRTCInput,
    PromptWebRTCTransport,
)
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer


class Track:
    """Gives what is put into it, then ends."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[av.AudioFrame | None] = asyncio.Queue()
        self.asked = 0

    async def recv(self) -> av.AudioFrame:
        self.asked += 1
        frame = await self.frames.get()
        if frame is None:
            raise MediaStreamError
        return frame


def frame_of(level: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.full((1, 960), level, np.int16), layout="mono")
    frame.sample_rate = 48_000
    return frame


@pytest.mark.virtual_time
async def test_what_arrives_is_taken_in_at_the_pipeline_s_rate_until_the_track_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = SpeakingPeer()
    microphone = PromptWebRTCTransport(peer, TransportParams(audio_in_enabled=True)).input()
    assert isinstance(microphone, HearingWebRTCInput)
    taken: list[InputAudioRawFrame] = []

    async def take(frame: InputAudioRawFrame) -> None:
        taken.append(frame)

    track = Track()
    client: Any = SimpleNamespace(_audio_input_track=None)
    monkeypatch.setattr(microphone, "_client", client)
    monkeypatch.setattr(microphone, "_sample_rate", 16_000)
    monkeypatch.setattr(microphone, "push_audio_frame", take)
    receiving = asyncio.create_task(microphone._receive_audio())
    await asyncio.sleep(1)
    client._audio_input_track = track
    for level in (100, 200, 300):
        track.frames.put_nowait(frame_of(level))
    await asyncio.sleep(10 * RECEIVE_TIMEOUT_S + 0.5)
    assert track.asked == 3 + 11, "Pipecat switches a track off that is not asked for anything"
    track.frames.put_nowait(None)
    await asyncio.sleep(0.1)
    assert client._audio_input_track is None
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    assert {(frame.sample_rate, frame.num_channels) for frame in taken} == {(16_000, 1)}
    samples = np.frombuffer(b"".join(frame.audio for frame in taken), np.int16)
    assert 2 * 320 < len(samples) <= 3 * 320
    assert (samples[100], samples[500]) == (100, 200)
    await peer.disconnect()


def test_pipecat_still_has_what_is_replaced() -> None:
    assert "_receive_audio" in vars(SmallWebRTCInputTransport)
