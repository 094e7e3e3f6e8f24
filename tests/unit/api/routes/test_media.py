import asyncio
from typing import Any

import httpx2
import pytest

from tests.unit.api.api_doubles import RecordingPeers
from tests.unit.api.conftest import ClientMaker
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import TransportKind
from voice_agent.transports.webrtc.signaling import Candidate

SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
OFFER = {"sdp": SDP, "type": "offer"}


@pytest.fixture
def peers() -> RecordingPeers:
    return RecordingPeers()


@pytest.fixture
def client(client_of: ClientMaker, peers: RecordingPeers) -> httpx2.AsyncClient:
    return client_of(peers=peers)


async def _session(harness: ConversationHarness) -> tuple[str, dict[str, str]]:
    new = await harness.sessions.create()
    return f"/v1/sessions/{new.session_id}/offer", {"Authorization": f"Bearer {new.token}"}


async def test_an_offer_is_answered(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    path, headers = await _session(harness)
    response = await client.post(path, json=OFFER | {"attempt": "first"}, headers=headers)
    assert response.status_code == 200
    assert response.json() == {"sdp": "v=0", "type": "answer", "pc_id": "pc-1"}
    ((session_id, offer),) = peers.offers
    assert session_id in path
    assert (offer.sdp, offer.pc_id, offer.restart, offer.attempt) == (SDP, None, False, "first")


async def test_official_clients_offers_are_understood(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    path, headers = await _session(harness)
    first = OFFER | {"pc_id": None, "restart_pc": False, "requestData": {"a": 1}}
    again = OFFER | {"pc_id": "pc-1", "restart_pc": True}
    for body in (first, again):
        assert (await client.post(path, json=body, headers=headers)).status_code == 200
    assert [(offer.pc_id, offer.restart) for _, offer in peers.offers] == [
        (None, False),
        ("pc-1", True),
    ]


async def test_candidates_reach_their_peer(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    path, headers = await _session(harness)
    await client.post(path, json=OFFER, headers=headers)
    found = {"candidate": "candidate:1 1 udp", "sdp_mid": "0", "sdp_mline_index": 0}
    end = {"candidate": "", "sdp_mid": None, "sdp_mline_index": None}
    body = {"pc_id": "pc-1", "candidates": [found, end]}
    response = await client.patch(path, json=body, headers=headers)
    assert response.status_code == 204
    ((session_id, pc_id, candidates),) = peers.candidates
    assert session_id is not None
    assert session_id in path
    assert pc_id == "pc-1"
    assert candidates == [Candidate("candidate:1 1 udp", "0", 0), Candidate("", None, None)]


async def test_candidates_for_an_unknown_peer_are_refused(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    path, headers = await _session(harness)
    response = await client.patch(path, json={"pc_id": "nobody", "candidates": []}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "peer_not_found")


async def test_an_offer_that_cannot_be_used_is_refused_with_the_reason(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    path, headers = await _session(harness)
    response = await client.post(path, json=OFFER | {"sdp": "v=0"}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "offer_invalid")
    assert "audio" in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "offer"}, "sdp"),
        (OFFER | {"sdp": ""}, "sdp"),
        (OFFER | {"sdp": 5}, "sdp"),
        (OFFER | {"type": "answer"}, "type"),
        (OFFER | {"attempt": ""}, "attempt"),
        (OFFER | {"restart_pc": "perhaps"}, "restart_pc"),
    ],
)
async def test_an_invalid_offer_names_its_field(
    client: httpx2.AsyncClient, harness: ConversationHarness, body: dict[str, Any], field: str
) -> None:
    path, headers = await _session(harness)
    response = await client.post(path, json=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


async def test_endless_candidates_are_refused(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    path, headers = await _session(harness)
    body = {"pc_id": "pc-1", "candidates": [{"candidate": ""}] * 101}
    response = await client.patch(path, json=body, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "candidates")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_only_the_sessions_own_token_lets_in(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers, method: str
) -> None:
    path, _ = await _session(harness)
    _, headers_of_other = await _session(harness)
    body = OFFER if method == "POST" else {"pc_id": "pc-1", "candidates": []}
    for headers, code in (
        ({}, "access_refused"),
        (headers_of_other, "token_invalid"),
        ({"Authorization": "Bearer garbage"}, "token_invalid"),
        ({"Authorization": "Bearer "}, "access_refused"),
        ({"Authorization": "Basic abc"}, "access_refused"),
    ):
        response = await client.request(method, path, json=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, code)
        assert response.headers["www-authenticate"] == "Bearer"
    assert not peers.offers
    assert not peers.candidates


@pytest.mark.virtual_time
async def test_an_expired_token_lets_nobody_in(
    client_of: ClientMaker, harness: ConversationHarness
) -> None:
    client = client_of()
    path, headers = await _session(harness)
    (checkpoint,) = await harness.list()
    loop_time = checkpoint.agent.limits.max_duration_s + 1_000
    await asyncio.sleep(loop_time)
    response = await client.post(path, json=OFFER, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert "expired" in response.json()["detail"]


async def test_an_ended_session_takes_no_connection(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    path, headers = await _session(harness)
    (checkpoint,) = await harness.list()
    await harness.sessions.end(checkpoint.session_id)
    response = await client.post(path, json=OFFER, headers=headers)
    assert (response.status_code, response.json()["code"]) == (410, "session_ended")
    assert not peers.offers


async def test_webrtc_that_is_not_offered_takes_no_connection(
    client_of: ClientMaker, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    client = client_of(peers=peers, transports=(TransportKind.WEBSOCKET,))
    path, headers = await _session(harness)
    response = await client.post(path, json=OFFER, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "transport_unavailable")
    assert not peers.offers
