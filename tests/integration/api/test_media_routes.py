"""Offers that have no way for the audio: refused at once and in words, and counted nowhere."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack

from tests.integration.api.conftest import AGENT, Site, serve_site
from tests.programs import free_port
from tests.unit.transports.webrtc.test_udp_ports import free_range
from voice_agent.core.events import LegStarted
from voice_agent.core.session import SessionState
from voice_agent.listening import host_addresses
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.webrtc.ice_servers import IceServers, SharedTurn
from voice_agent.transports.webrtc.manager import WebRTCManager

pytestmark = pytest.mark.skipif(
    not host_addresses(), reason="this machine has only loopback addresses"
)
TCP_URL = f"turn:127.0.0.1:{free_port()}?transport=tcp"


@pytest.fixture
async def offer() -> AsyncIterator[dict[str, Any]]:
    peer = RTCPeerConnection(RTCConfiguration([]))
    peer.addTrack(AudioStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    yield {"sdp": peer.localDescription.sdp, "type": "offer"}
    await peer.close()


async def _create(site: Site) -> tuple[dict[str, Any], dict[str, str]]:
    created = (await site.http.post("/v1/sessions", json={"transport": "webrtc"})).json()
    return created, {"Authorization": f"Bearer {created['token']}"}


async def test_relaying_only_without_a_turn_server_that_answers(offer: dict[str, Any]) -> None:
    shared = SharedTurn((TCP_URL,), "very-secret")
    ice = IceServers(time.time, shared=shared, relay_only=True)
    peers = WebRTCManager(ice.route)
    async with (
        ConversationHarness(AGENT) as harness,
        serve_site(harness, peers=peers, ice=ice) as site,
    ):
        created, headers = await _create(site)
        (step,) = created["transports"]
        assert step["ice_transport_policy"] == "relay"
        assert step["ice_servers"][0]["urls"] == [TCP_URL]
        assert step["ice_servers"][0]["username"].endswith(f":{created['session_id']}")
        refused = await site.http.post(step["offer_url"], json=offer, headers=headers)
        (session,) = await harness.list()
        assert session.state is SessionState.CREATED, "it may still connect another way"
        assert not harness.payloads(LegStarted)
    assert (refused.status_code, refused.json()["code"]) == (503, "no_media_route")
    assert refused.json()["detail"] == (
        f"WebRTC needs a TURN server here and has none: {TCP_URL} is down: nothing listens there"
    )
    assert refused.headers["retry-after"]
    assert "very-secret" not in refused.text
    assert peers.open_count == 0


async def test_a_range_without_a_free_port(offer: dict[str, Any]) -> None:
    ports = free_range(1)
    ice = IceServers(time.time, ports=ports)
    peers = WebRTCManager(ice.route)
    async with (
        ConversationHarness(AGENT) as harness,
        serve_site(harness, peers=peers, ice=ice) as site,
    ):
        answers = []
        for _ in range(2):
            created, headers = await _create(site)
            url = created["transports"][0]["offer_url"]
            answers.append(await site.http.post(url, json=offer, headers=headers))
        walked_in = await site.http.post("/api/offer", json=offer)
        assert peers.open_count == 1
        assert harness.sessions.live_count == 2, "who walked in has left no session"
        await peers.close()
        again = await site.http.post(url, json=offer, headers=headers)
        assert again.status_code == 200, "the port is free again"
        await peers.close()
    assert [answer.status_code for answer in answers] == [200, 503]
    for refused in (answers[1], walked_in):
        assert refused.json()["code"] == "no_media_route"
        assert f"VOICE_AGENT_UDP_PORTS={ports} are in use" in refused.json()["detail"]
