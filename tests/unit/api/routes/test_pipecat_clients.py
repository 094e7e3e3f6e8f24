from typing import Any

import httpx2
import pytest

from tests.unit.api.api_doubles import AGENT, OTHER_AGENT, RecordingPeers
from tests.unit.api.conftest import ClientMaker
from voice_agent.core.session import SessionState
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import TransportKind

OFFER = {"sdp": "v=0\r\nm=audio 9\r\n", "type": "offer", "pc_id": None, "restart_pc": False}
CANDIDATES = {"pc_id": "pc-1", "candidates": [{"candidate": "candidate:1"}]}


@pytest.fixture
def peers() -> RecordingPeers:
    return RecordingPeers()


@pytest.fixture
def client(client_of: ClientMaker, peers: RecordingPeers) -> httpx2.AsyncClient:
    return client_of(peers=peers)


async def test_the_webrtc_clients_way_from_start_to_candidates(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    started = (await client.post("/start", json={"enableDefaultIceServers": True})).json()
    assert started.keys() == {"sessionId", "iceConfig"}
    assert started["iceConfig"]["iceServers"] == [
        {"urls": ["turn:turn.example.com"], "username": "user", "credential": "word"}
    ]
    assert started["iceConfig"]["iceTransportPolicy"] == "all"
    path = f"/sessions/{started['sessionId']}/api/offer"
    answer = await client.post(path, json=OFFER)
    assert answer.json() == {"sdp": "v=0", "type": "answer", "pc_id": "pc-1"}
    trickled = await client.patch(path, json=CANDIDATES)
    assert trickled.json() == {"status": "success"}
    restarted = await client.post(path, json=OFFER | {"pc_id": "pc-1", "restart_pc": True})
    assert restarted.status_code == 200
    (session,) = await harness.list()
    assert {owner for owner, _ in peers.offers} == {session.session_id}


async def test_what_start_calls_session_id_is_no_id(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    """Ids stand in lists and logs; whoever reads them there must not get into the session."""
    started = (await client.post("/start")).json()
    (session,) = await harness.list()
    assert started["sessionId"] != session.session_id
    response = await client.post(f"/sessions/{session.session_id}/api/offer", json=OFFER)
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert not peers.offers


async def test_the_websocket_client_gets_nothing_but_what_it_takes(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    started = (await client.post("/start", json={"transport": "websocket"})).json()
    assert started.keys() == {"wsUrl", "token"}
    assert started["wsUrl"] == "ws://localhost:7860/ws-client"
    (session,) = await harness.list()
    assert harness.sessions.session_id_of(started["token"]) == session.session_id


async def test_the_websocket_address_is_the_public_one(client_of: ClientMaker) -> None:
    client = client_of(public_url="https://voice.example.com")
    started = (await client.post("/start", json={"transport": "websocket"})).json()
    assert started["wsUrl"] == "wss://voice.example.com/ws-client"


@pytest.mark.parametrize(
    ("wish", "agent"),
    [
        ({}, AGENT),
        ({"agent": "sales"}, OTHER_AGENT),
        ({"body": {"agent": "sales", "more": [1]}}, OTHER_AGENT),
        ({"createDailyRoom": False, "dailyRoomProperties": {"a": 1}, "body": {}}, AGENT),
    ],
)
async def test_start_takes_the_agent_and_ignores_what_is_for_other_servers(
    client: httpx2.AsyncClient, harness: ConversationHarness, wish: dict[str, Any], agent: object
) -> None:
    assert (await client.post("/start", json=wish)).status_code == 200
    (session,) = await harness.list()
    assert session.agent == agent


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"agent": "nobody"}, 404, "agent_not_found"),
        ({"transport": "daily"}, 422, "request_invalid"),
        ({"transport": "webrtc"}, 422, "transport_unavailable"),
        ({}, 422, "transport_unavailable"),
    ],
)
async def test_a_refused_start_opens_nothing_and_says_why_where_the_client_looks(
    client_of: ClientMaker,
    harness: ConversationHarness,
    wish: dict[str, Any],
    status: int,
    code: str,
) -> None:
    offered = [TransportKind.WEBSOCKET]
    if code == "agent_not_found":
        offered.append(TransportKind.WEBRTC)
    response = await client_of(transports=offered).post("/start", json=wish)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"]
    assert not await harness.list()


async def test_an_offer_without_start_opens_a_session_with_the_default_agent(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    answer = (await client.post("/api/offer", json=OFFER)).json()
    (session,) = await harness.list()
    assert session.agent == AGENT
    assert (await client.patch("/api/offer", json=CANDIDATES)).json() == {"status": "success"}
    again = OFFER | {"pc_id": answer["pc_id"], "restart_pc": True}
    assert (await client.post("/api/offer", json=again)).status_code == 200
    assert len(await harness.list()) == 1
    assert {owner for owner, _ in peers.offers} == {session.session_id}


async def test_an_offer_without_start_that_cannot_be_used_leaves_no_session_open(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    response = await client.post("/api/offer", json=OFFER | {"sdp": "garbage"})
    assert (response.status_code, response.json()["code"]) == (400, "offer_invalid")
    assert [each.state for each in await harness.list()] == [SessionState.ENDED]


async def test_an_offer_of_an_unknown_peer_is_refused(client: httpx2.AsyncClient) -> None:
    for method, body in (("POST", OFFER | {"pc_id": "nobody"}), ("PATCH", CANDIDATES)):
        response = await client.request(method, "/api/offer", json=body)
        assert (response.status_code, response.json()["code"]) == (404, "peer_not_found")


async def test_an_offer_with_a_token_is_for_its_session(
    client: httpx2.AsyncClient, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    new = await harness.sessions.create()
    path = f"/api/offer?token={new.token}"
    assert (await client.post(path, json=OFFER)).status_code == 200
    assert (await client.patch(path, json=CANDIDATES)).status_code == 200
    assert [owner for owner, _ in peers.offers] == [new.session_id]
    assert [owner for owner, *_ in peers.candidates] == [new.session_id]


async def test_another_sessions_token_does_not_reach_a_peer(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    await client.post("/api/offer", json=OFFER)
    other = await harness.sessions.create()
    response = await client.patch(f"/api/offer?token={other.token}", json=CANDIDATES)
    assert (response.status_code, response.json()["code"]) == (404, "peer_not_found")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_wrong_token_opens_nothing(
    client: httpx2.AsyncClient, harness: ConversationHarness, method: str
) -> None:
    body = OFFER if method == "POST" else CANDIDATES
    for path in ("/api/offer?token=garbage", "/sessions/garbage/api/offer"):
        response = await client.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert not await harness.list()


async def test_without_open_access_nothing_starts_without_a_token(
    client_of: ClientMaker, harness: ConversationHarness, peers: RecordingPeers
) -> None:
    client = client_of(open_access=False, peers=peers)
    for method, path, body in (
        ("POST", "/start", {}),
        ("POST", "/api/offer", OFFER),
        ("POST", "/api/offer", OFFER | {"pc_id": "pc-1"}),
        ("PATCH", "/api/offer", CANDIDATES),
    ):
        response = await client.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (401, "access_refused")
    new = await harness.sessions.create()
    answer = await client.post(f"/sessions/{new.token}/api/offer", json=OFFER)
    assert answer.status_code == 200
