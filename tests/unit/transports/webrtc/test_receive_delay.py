from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtp import RtpPacket

from voice_agent.transports.webrtc.receive_delay import _ATTRIBUTE, receive_without_delay


@pytest.fixture
async def peer() -> AsyncIterator[RTCPeerConnection]:
    """A peer that took an offer with audio in."""
    caller, server = RTCPeerConnection(), RTCPeerConnection()
    caller.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    offer = RTCSessionDescription(caller.localDescription.sdp, "offer")
    await server.setRemoteDescription(offer)
    yield server
    await caller.close()
    await server.close()


def frames_after(peer: RTCPeerConnection, numbers: Iterable[int]) -> list[int]:
    """Return how many frames had come out after each packet."""
    buffer: Any = getattr(peer.getReceivers()[0], _ATTRIBUTE)
    counts, count = [], 0
    for number in numbers:
        packet: Any = RtpPacket(sequence_number=number, timestamp=number * 960)
        packet._data = b"opus"
        count += buffer.add(packet)[1] is not None
        counts.append(count)
    return counts


async def test_aiortc_holds_four_packets_back(peer: RTCPeerConnection) -> None:
    assert frames_after(peer, range(6)) == [0, 0, 0, 0, 1, 2]


async def test_without_the_delay_a_packet_passes_when_the_next_is_there(
    peer: RTCPeerConnection,
) -> None:
    receive_without_delay(peer)
    assert frames_after(peer, range(6)) == [0, 1, 2, 3, 4, 5]


async def test_a_packet_that_is_late_is_waited_for(peer: RTCPeerConnection) -> None:
    receive_without_delay(peer)
    assert frames_after(peer, [0, 2, 3, 1, 4, 5])[:3] == [0, 0, 0]
