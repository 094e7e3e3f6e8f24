"""What is said before media flows: offers, answers and candidates, checked before use."""

from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import SessionDescription, candidate_from_sdp

from voice_agent.core.errors import OfferInvalidError

MAX_SDP_LENGTH = 100_000
"""Characters; a browser's offer has some 5,000."""


@dataclass(frozen=True)
class Offer:
    """What a client sends to open, renew or renegotiate a peer connection.

    `pc_id` names a connection from an earlier answer; with `restart` a new one takes its place.
    """

    sdp: str
    pc_id: str | None = None
    restart: bool = False
    attempt: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the client gets back."""

    sdp: str
    pc_id: str


@dataclass(frozen=True)
class Candidate:
    """One trickled candidate; an empty `candidate` says there are no more (RFC 8840)."""

    candidate: str
    sdp_mid: str | None
    sdp_mline_index: int | None


def check_offer(sdp: str) -> None:
    """Look at an offer before a peer connection is made for it.

    Raises:
        OfferInvalidError: It is no SDP, or its first media is no audio; the message says which.
    """
    if len(sdp) > MAX_SDP_LENGTH:
        raise OfferInvalidError(f"the SDP has {len(sdp)} characters, at most {MAX_SDP_LENGTH}")
    if not sdp.startswith("v=0"):
        raise OfferInvalidError("this is no SDP; one begins with 'v=0' (RFC 8866, 5.1)")
    try:
        description = SessionDescription.parse(sdp)
    except Exception as error:
        raise OfferInvalidError(f"this is no SDP that can be read: {error!r}") from error
    sections = [media for media in description.media if media.kind in ("audio", "video")]
    if not any(media.kind == "audio" and media.port for media in sections):
        raise OfferInvalidError("the offer has no audio; add an audio track or transceiver")
    # Pipecat speaks and listens on the first of them, whatever it is.
    if sections[0].kind != "audio" or not sections[0].port:
        raise OfferInvalidError("audio must come first; add it before any other media")


def ice_candidate(candidate: Candidate) -> RTCIceCandidate | None:
    """Return aiortc's form of a trickled candidate, None for the end of candidates.

    Raises:
        OfferInvalidError: It cannot be read.
    """
    if not candidate.candidate:
        return None
    try:
        parsed = candidate_from_sdp(candidate.candidate.removeprefix("candidate:"))
    except Exception as error:
        raise OfferInvalidError(f"this is no candidate that can be read: {error!r}") from error
    parsed.sdpMid = candidate.sdp_mid
    parsed.sdpMLineIndex = candidate.sdp_mline_index
    return parsed
