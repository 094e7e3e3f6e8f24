import asyncio
from collections.abc import AsyncIterator

import pytest
from aioice import ice
from aiortc import RTCIceCandidate, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from voice_agent.core.errors import MediaRouteError, OfferInvalidError, PeerNotFoundError
from voice_agent.transports.base import CloseReason, Connection, ConnectionEnd
from voice_agent.transports.webrtc.closing import CLOSE_TIMEOUT_S
from voice_agent.transports.webrtc.manager import PEERS_A_SESSION, WebRTCManager
from voice_agent.transports.webrtc.signaling import Candidate, Offer
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer

UNANSWERABLE = "v=0\r\no=x\r\nm=audio 9 X 0\r\n"


def must_not_start(_: Connection) -> None:
    pytest.fail("no connection may come of this")


class Browser:
    """The other side: a peer connection with a microphone."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection()
        self.peer.addTrack(AudioStreamTrack())
        self.channel = self.peer.createDataChannel("chat")

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def take(self, sdp: str) -> None:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


@pytest.fixture
async def manager() -> AsyncIterator[WebRTCManager]:
    manager = WebRTCManager()
    yield manager
    await manager.close()
    assert manager.open_count == 0


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser()
    yield browser
    await browser.peer.close()


async def test_an_answered_peer_carries_as_soon_as_audio_arrives(
    manager: WebRTCManager, browser: Browser
) -> None:
    started: list[Connection] = []
    answer = await manager.answer(
        Offer(await browser.offer()), session_id="a", start=started.append
    )
    assert manager.session_of(answer.pc_id) == "a"
    await browser.take(answer.sdp)
    await started[0].wait_carrying(timeout_s=10)
    await browser.peer.close()
    async with asyncio.timeout(10):
        assert await started[0].wait_ended() is ConnectionEnd.LEFT
    assert manager.open_count == 0
    await started[0].close(CloseReason.NORMAL)


async def test_an_offer_that_cannot_be_answered_leaves_nothing(manager: WebRTCManager) -> None:
    for sdp in ("hello", UNANSWERABLE):
        with pytest.raises(OfferInvalidError):
            await manager.answer(Offer(sdp), session_id="a", start=must_not_start)
    assert manager.open_count == 0


async def test_a_browsers_hidden_address_is_asked_for_while_requests_are_answered(
    manager: WebRTCManager, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, taken, all_taken = asyncio.Event(), [], asyncio.Event()

    async def take(_: SpeakingPeer, candidate: RTCIceCandidate) -> None:
        await asked.wait()
        taken.append(candidate.ip)
        if len(taken) == 2:
            all_taken.set()

    monkeypatch.setattr(SpeakingPeer, "add_ice_candidate", take)
    answer = await manager.answer(
        Offer(await browser.offer()), session_id="a", start=lambda _: None
    )
    for address in ("0a1b2c3d.local", "192.0.2.1"):
        candidate = Candidate(f"candidate:1 1 udp 2113937151 {address} 50000 typ host", "0", 0)
        await manager.add_candidates(answer.pc_id, [candidate], session_id="a")
    assert not taken
    asked.set()
    async with asyncio.timeout(10):
        await all_taken.wait()
    assert taken == ["0a1b2c3d.local", "192.0.2.1"], "in their order"


async def test_nobody_reaches_another_sessions_peer(
    manager: WebRTCManager, browser: Browser
) -> None:
    started: list[Connection] = []
    sdp = await browser.offer()
    answer = await manager.answer(Offer(sdp), session_id="a", start=started.append)
    candidate = Candidate("", "0", 0)
    await manager.add_candidates(answer.pc_id, [candidate], session_id="a")
    for pc_id, session_id in (("unknown", "a"), (answer.pc_id, "b")):
        with pytest.raises(PeerNotFoundError):
            await manager.add_candidates(pc_id, [candidate], session_id=session_id)
        with pytest.raises(PeerNotFoundError):
            await manager.answer(
                Offer(sdp, pc_id=pc_id), session_id=session_id, start=must_not_start
            )
    await started[0].close(CloseReason.NORMAL)


async def test_a_session_cannot_pile_up_peers(manager: WebRTCManager, browser: Browser) -> None:
    started: list[Connection] = []
    sdp = await browser.offer()
    for _ in range(PEERS_A_SESSION + 2):
        await manager.answer(Offer(sdp), session_id="a", start=started.append)
    assert manager.open_count == PEERS_A_SESSION
    assert await started[0].wait_ended() is ConnectionEnd.CLOSED


async def test_a_machine_without_an_address_says_so(
    manager: WebRTCManager, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = Offer(await browser.offer())
    monkeypatch.setattr(ice, "get_host_addresses", lambda **_: [])
    with pytest.raises(MediaRouteError, match="only loopback addresses and no TURN server"):
        await manager.answer(offer, session_id="a", start=must_not_start)
    assert manager.open_count == 0


@pytest.mark.virtual_time
async def test_a_peer_that_closes_slowly_does_not_hold_up_the_refusal(
    manager: WebRTCManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()
    monkeypatch.setattr(RTCPeerConnection, "close", lambda _: stopped.wait())
    with pytest.raises(OfferInvalidError):
        async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
            await manager.answer(Offer(UNANSWERABLE), session_id="a", start=must_not_start)
    stopped.set()
