import pytest
from aiortc import RTCPeerConnection

from voice_agent.core.errors import OfferInvalidError
from voice_agent.transports.webrtc.signaling import (
    MAX_SDP_LENGTH,
    Candidate,
    check_offer,
    ice_candidate,
)

LINE = "candidate:842163049 1 udp 1677729535 192.0.2.7 46154 typ host generation 0 ufrag Ab1 cost 5"


async def offer_of(*kinds: str) -> str:
    peer = RTCPeerConnection()
    try:
        for kind in kinds:
            peer.createDataChannel("chat") if kind == "data" else peer.addTransceiver(kind)
        return str((await peer.createOffer()).sdp)
    finally:
        await peer.close()


async def test_an_offer_with_audio_passes() -> None:
    check_offer(await offer_of("audio"))


@pytest.mark.parametrize("kind", ["video", "data"])
async def test_an_offer_without_audio_is_refused(kind: str) -> None:
    with pytest.raises(OfferInvalidError, match="no audio"):
        check_offer(await offer_of(kind))


async def test_what_comes_after_the_audio_does_not_matter() -> None:
    check_offer(await offer_of("audio", "video", "video", "data"))


async def test_an_offer_that_begins_with_video_is_refused() -> None:
    with pytest.raises(OfferInvalidError, match="audio must come first"):
        check_offer(await offer_of("video", "audio"))


async def test_an_offer_that_begins_with_audio_switched_off_is_refused() -> None:
    sdp = (await offer_of("audio", "audio")).replace("m=audio 9", "m=audio 0", 1)
    with pytest.raises(OfferInvalidError, match="audio must come first"):
        check_offer(sdp)


@pytest.mark.parametrize("sdp", ["", "hello", "v=0\r\nm=audio"])
def test_what_is_no_sdp_is_refused(sdp: str) -> None:
    with pytest.raises(OfferInvalidError):
        check_offer(sdp)


def test_an_endless_offer_is_not_even_read() -> None:
    with pytest.raises(OfferInvalidError, match="at most"):
        check_offer("v=0\r\n" + "a=x\r\n" * MAX_SDP_LENGTH)


def test_a_candidate_is_read_with_and_without_its_prefix() -> None:
    for line in (LINE, LINE.removeprefix("candidate:")):
        candidate = ice_candidate(Candidate(line, "0", 0))
        assert candidate is not None
        assert (candidate.ip, candidate.port, candidate.sdpMid) == ("192.0.2.7", 46154, "0")


def test_an_empty_candidate_is_the_last() -> None:
    assert ice_candidate(Candidate("", "0", 0)) is None


@pytest.mark.parametrize("line", ["nonsense", "candidate:1 1 udp", "candidate:a b c d e f g h"])
def test_what_is_no_candidate_is_refused(line: str) -> None:
    with pytest.raises(OfferInvalidError, match="no candidate"):
        ice_candidate(Candidate(line, "0", 0))
