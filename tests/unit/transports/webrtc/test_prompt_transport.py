import asyncio
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCPeerConnection
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from voice_agent.transports.webrtc.prompt_transport import (
    PromptOutputTransport,
    PromptWebRTCTransport,
    drop_waiting_audio,
)
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer
from voice_agent.transports.webrtc.speech_track import SpeechTrack


@pytest.fixture
async def offer() -> AsyncIterator[str]:
    """An offer that prefers Opus, as browsers' do."""
    caller = RTCPeerConnection()
    caller.addTransceiver("audio")
    await caller.setLocalDescription(await caller.createOffer())
    yield caller.localDescription.sdp
    await caller.close()


@pytest.fixture
async def peer() -> AsyncIterator[SpeakingPeer]:
    peer = SpeakingPeer()
    yield peer
    await peer.disconnect()


def without_opus(offer: str) -> str:
    """Return the offer of a telephone gateway."""
    lines = offer.split("\r\n")
    audio = next(line for line in lines if line.startswith("m=audio"))
    port = audio.split()[1]
    kept = [line for line in lines if not line.startswith(("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"))]
    return "\r\n".join(
        f"m=audio {port} UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000" if line == audio else line
        for line in kept
    )


def track_sent(peer: SpeakingPeer) -> object:
    return peer.pc.getTransceivers()[0].sender.track


async def connected_client(peer: SpeakingPeer) -> None:
    """Do what Pipecat does as soon as the client is there."""
    transport = PromptWebRTCTransport(peer, TransportParams(audio_out_enabled=True))
    transport._client._params = transport._params  # type: ignore[assignment]
    transport._client._out_sample_rate = 24_000
    await transport._client._handle_client_connected()
    assert isinstance(transport._client._audio_output_track, RawAudioTrack)


async def test_the_peer_keeps_the_track_it_speaks_through_when_pipecat_brings_its_own(
    peer: SpeakingPeer, offer: str
) -> None:
    await peer.initialize(sdp=offer, type="offer")
    assert peer.sends_opus
    speech = SpeechTrack(24_000)
    peer.speak_through(speech)
    await connected_client(peer)
    assert track_sent(peer) is speech
    await peer.renegotiate(sdp=offer, type="offer")
    assert track_sent(peer) is speech


async def test_a_peer_without_opus_is_left_to_pipecat(peer: SpeakingPeer, offer: str) -> None:
    assert not peer.sends_opus, "nothing is agreed on yet"
    await peer.initialize(sdp=without_opus(offer), type="offer")
    assert not peer.sends_opus
    await connected_client(peer)
    assert isinstance(track_sent(peer), RawAudioTrack)


async def test_what_waits_in_pipecat_s_track_is_dropped_and_nobody_waits_for_it() -> None:
    track = RawAudioTrack(sample_rate=24_000)
    writing = asyncio.ensure_future(track.add_audio_bytes(b"\x01" * 1920))
    drop_waiting_audio(track)
    assert await asyncio.wait_for(writing, timeout=1) is True
    frame = await track.recv()
    assert not frame.to_ndarray().any()


async def test_the_transport_has_one_prompt_output(peer: SpeakingPeer) -> None:
    transport = PromptWebRTCTransport(peer, TransportParams(audio_out_enabled=True))
    assert isinstance(transport.output(), PromptOutputTransport)
    assert transport.output() is transport.output()
