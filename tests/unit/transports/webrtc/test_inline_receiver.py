from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from aiortc import RTCPeerConnection, RTCRtpCodecParameters, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtp import RtpPacket

from voice_agent.client.opus import OPUS_PACKET_SAMPLES, OPUS_RATE, encode_packets
from voice_agent.transports.webrtc.inline_receiver import _BUFFER, _CODECS, receive_inline

OPUS, PCMU = 96, 0


@pytest.fixture
async def receiver() -> AsyncIterator[Any]:
    """The receiver of a peer that took an offer with audio in."""
    caller, server = RTCPeerConnection(), RTCPeerConnection()
    caller.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    offer = RTCSessionDescription(caller.localDescription.sdp, "offer")
    await server.setRemoteDescription(offer)
    receive_inline(server)
    receiver: Any = server.getReceivers()[0]
    for number, name, rate in ((OPUS, "opus", OPUS_RATE), (PCMU, "PCMU", 8000)):
        codec = RTCRtpCodecParameters(f"audio/{name}", clockRate=rate, payloadType=number)
        getattr(receiver, _CODECS)[number] = codec
    yield receiver
    await caller.close()
    await server.close()


def tone(seconds: float) -> npt.NDArray[np.int16]:
    at = np.arange(round(OPUS_RATE * seconds)) / OPUS_RATE
    return (8000 * np.sin(2 * np.pi * 300 * at)).astype(np.int16)


def packet(number: int, payload: bytes, payload_type: int = OPUS) -> RtpPacket:
    made: Any = RtpPacket(
        payload_type=payload_type,
        sequence_number=(65_530 + number) % (1 << 16),
        timestamp=(4_294_960_000 + number * OPUS_PACKET_SAMPLES) % (1 << 32),
    )
    made.payload = made._data = payload
    return made  # type: ignore[no-any-return]


def frames_of(receiver: Any) -> list[Any]:
    queue = receiver.track._queue
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_a_packet_is_decoded_when_it_comes_and_carries_its_time(receiver: Any) -> None:
    heard = []
    for number, payload in enumerate(encode_packets(tone(0.4))):
        assert getattr(receiver, _BUFFER).add(packet(number, payload)) == (False, None)
        (frame,) = frames_of(receiver)
        assert (frame.pts, frame.sample_rate) == (number * OPUS_PACKET_SAMPLES, OPUS_RATE)
        assert (frame.layout.name, frame.samples) == ("mono", OPUS_PACKET_SAMPLES)
        heard.append(frame.to_ndarray()[0])
    level = np.concatenate(heard)[OPUS_PACKET_SAMPLES:19_000].astype(float).std()
    assert level == pytest.approx(tone(0.4).std(), rel=0.1)


async def test_packets_out_of_order_are_decoded_in_order(receiver: Any) -> None:
    payloads = encode_packets(tone(0.1))
    for number in (0, 2, 1, 3):
        getattr(receiver, _BUFFER).add(packet(number, payloads[number]))
    times = [frame.pts // OPUS_PACKET_SAMPLES for frame in frames_of(receiver)]
    assert times == [0, 1, 2, 3]


async def test_what_cannot_be_decoded_or_is_empty_does_no_harm(receiver: Any) -> None:
    payloads = encode_packets(tone(0.1))
    for number, payload in enumerate([payloads[0], b"", b"\xff\xff\xff", payloads[1]]):
        getattr(receiver, _BUFFER).add(packet(number, payload))
    assert [frame.pts // OPUS_PACKET_SAMPLES for frame in frames_of(receiver)] == [0, 3]


async def test_other_codecs_go_aiortc_s_way(receiver: Any) -> None:
    buffer = getattr(receiver, _BUFFER)
    given = [buffer.add(packet(number, b"\xff" * 160, PCMU))[1] for number in range(6)]
    assert [frame is not None for frame in given] == [False] * 4 + [True] * 2
    assert not frames_of(receiver)
