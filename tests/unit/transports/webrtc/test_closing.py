import asyncio
from collections.abc import AsyncIterator

import pytest

from voice_agent.transports.base import CloseReason
from voice_agent.transports.webrtc.closing import CLOSE_TIMEOUT_S, begin_closing, wait_closed
from voice_agent.transports.webrtc.connection import WebRTCConnection
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer

pytestmark = pytest.mark.virtual_time
SLOW_S = CLOSE_TIMEOUT_S + 1


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SpeakingPeer]:
    """A peer connection with a transport that takes its time to stop."""
    peer = SpeakingPeer()
    peer.pc.createDataChannel("chat")
    sctp = peer.pc.sctp
    assert sctp is not None
    stop = sctp.stop

    async def stop_slowly() -> None:
        await asyncio.sleep(SLOW_S)
        await stop()

    monkeypatch.setattr(sctp, "stop", stop_slowly)
    yield peer
    async with asyncio.timeout(2 * SLOW_S):
        await peer.disconnect()


async def test_who_has_no_more_time_leaves_the_closing_to_itself(
    peer: SpeakingPeer,
) -> None:
    closing = begin_closing(peer)
    assert not await wait_closed(closing)
    assert await wait_closed(closing)
    assert peer.pc.connectionState == "closed"


async def test_a_connection_that_closes_slowly_is_closed_all_the_same(
    peer: SpeakingPeer,
) -> None:
    connection = WebRTCConnection(peer, session_id="session", attempt=None)
    began = asyncio.get_running_loop().time()
    await connection.close(CloseReason.NORMAL)
    await connection.close(CloseReason.NORMAL)
    assert asyncio.get_running_loop().time() - began == pytest.approx(SLOW_S)
    async with asyncio.timeout(CLOSE_TIMEOUT_S):
        await peer.disconnect()
    assert peer.pc.connectionState == "closed"
