import time
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.kept import KeptThings
from tests.unit.api.api_doubles import AGENT, OTHER_AGENT
from tests.unit.api.conftest import ClientMaker
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import TransportKind
from voice_agent.transports.webrtc.ice_servers import IceServers, SharedTurn
from voice_agent.transports.webrtc.turn_credentials import turn_credentials


async def _create(client: httpx2.AsyncClient, /, **wish: Any) -> dict[str, Any]:
    response = await client.post("/v1/sessions", json=wish)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def test_a_new_session_says_how_to_connect_best_way_first(
    client: httpx2.AsyncClient,
) -> None:
    created = await _create(client, client={"webrtc": True, "websocket": True})
    session_id, token = created["session_id"], created["token"]
    webrtc, websocket = created["transports"]
    base = f"localhost:7860/v1/sessions/{session_id}"
    assert webrtc["type"] == "webrtc"
    assert webrtc["offer_url"] == f"http://{base}/offer"
    assert webrtc["ice_servers"] == [
        {"urls": ["turn:turn.example.com"], "username": "user", "credential": "word"}
    ]
    assert webrtc["ice_transport_policy"] == "all"
    assert websocket["type"] == "websocket"
    assert websocket["url"] == f"ws://{base}/ws?token={token}"
    assert webrtc["reason"]
    assert websocket["reason"]
    assert datetime.fromisoformat(created["expires_at"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("wish", "types"),
    [
        ({"transport": "websocket"}, ["websocket"]),
        ({"transport": "webrtc"}, ["webrtc"]),
        ({"client": {"webrtc": False}}, ["websocket"]),
        ({"transport": "auto"}, ["webrtc", "websocket"]),
        ({"client": {"microphone": False}}, ["websocket", "webrtc"]),
        ({"client": {"kind": "phone"}}, ["websocket"]),
        ({"client": {"udp": False}}, ["websocket"]),
    ],
)
async def test_only_what_is_wished_and_possible_is_offered(
    client: httpx2.AsyncClient, wish: dict[str, Any], types: list[str]
) -> None:
    created = await _create(client, **wish)
    assert [step["type"] for step in created["transports"]] == types
    assert all(each["reason"] for each in (*created["transports"], *created["left_out"]))


async def test_each_session_has_turn_credentials_of_its_own(client_of: ClientMaker) -> None:
    shared = SharedTurn(("turn:turn.example.com",), "very-secret")
    client = client_of(ice=IceServers(time.time, shared=shared, relay_only=True))
    one, other = await _create(client), await _create(client)
    for created in (one, other):
        webrtc = created["transports"][0]
        (server,) = webrtc["ice_servers"]
        expires_at = datetime.fromisoformat(created["expires_at"]).timestamp()
        expected = turn_credentials("very-secret", created["session_id"], expires_at)
        assert webrtc["ice_transport_policy"] == "relay"
        assert server["username"] == expected.username
        assert server["credential"] == expected.credential
    assert "very-secret" not in f"{one}{other}"


async def test_addresses_are_built_from_the_public_url(client_of: ClientMaker) -> None:
    client = client_of(public_url="https://voice.example.com/agents")
    webrtc, websocket = (await _create(client))["transports"]
    assert webrtc["offer_url"].startswith("https://voice.example.com/agents/v1/sessions/")
    assert websocket["url"].startswith("wss://voice.example.com/agents/v1/sessions/")


async def test_addresses_are_of_the_scheme_and_host_that_were_asked(
    client_of: ClientMaker,
) -> None:
    client = client_of(base_url="https://[::1]:8443")
    webrtc, websocket = (await _create(client))["transports"]
    assert webrtc["offer_url"].startswith("https://[::1]:8443/v1/")
    assert websocket["url"].startswith("wss://[::1]:8443/v1/")


async def test_forwarded_headers_are_not_believed(client: httpx2.AsyncClient) -> None:
    response = await client.post(
        "/v1/sessions",
        headers={"X-Forwarded-Host": "attacker.example", "X-Forwarded-Proto": "https"},
    )
    assert response.json()["transports"][0]["offer_url"].startswith("http://localhost:7860/")


async def test_an_unknown_field_is_named(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/sessions", json={"agnet": "frontdesk"})
    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "agnet", "message": "there is no such field"}]
    assert response.json()["detail"] == "agnet: there is no such field"


async def test_an_unknown_agent_is_a_404_and_opens_nothing(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    response = await client.post("/v1/sessions", json={"agent": "nobody"})
    assert (response.status_code, response.json()["code"]) == (404, "agent_not_found")
    assert not await harness.list()


async def test_a_transport_that_is_not_offered_is_refused_and_opens_nothing(
    client_of: ClientMaker, harness: ConversationHarness
) -> None:
    client = client_of(transports=(TransportKind.WEBSOCKET,))
    for wish in ({"transport": "webrtc"}, {"client": {"websocket": False}}):
        response = await client.post("/v1/sessions", json=wish)
        assert (response.status_code, response.json()["code"]) == (422, "transport_unavailable")
    assert not await harness.list()


async def test_a_full_host_says_when_to_come_again(client_of: ClientMaker) -> None:
    policy = SessionPolicy(default_agent=AGENT.id, max_sessions=1)
    async with ConversationHarness(AGENT, policy=policy) as harness:
        client = client_of(sessions=harness.sessions)
        await _create(client)
        response = await client.post("/v1/sessions")
    assert (response.status_code, response.json()["code"]) == (503, "at_capacity")
    assert response.headers["retry-after"]


async def test_sessions_are_listed_newest_first(client: httpx2.AsyncClient) -> None:
    first, second = await _create(client), await _create(client, agent="sales")
    listed = (await client.get("/v1/sessions")).json()["sessions"]
    assert {each["session_id"] for each in listed} == {first["session_id"], second["session_id"]}
    assert {each["agent"]["id"] for each in listed} == {AGENT.id, OTHER_AGENT.id}
    assert {each["state"] for each in listed} == {"created"}


async def test_a_session_shows_what_was_said_and_how_fast(
    client_of: ClientMaker, kept: KeptThings
) -> None:
    async with ConversationHarness(
        AGENT, replies={"open": "From nine to six."}, journal=kept.journal
    ) as harness:
        client = client_of(sessions=harness.sessions)
        created = await _create(client)
        call = await harness.call(created["session_id"])
        await call.agent_says("Hello.")
        await call.say("When are you open?")
        await call.agent_finishes("From nine to six.")
        shown = (await client.get(f"/v1/sessions/{created['session_id']}")).json()
    assert shown["state"] == "connected"
    assert shown["agent"]["id"] == "frontdesk"
    assert shown["legs"] == 1
    said = [(turn["speaker"], turn["text"]) for turn in shown["transcript"]]
    assert said == [
        ("agent", "Hello."),
        ("user", "When are you open?"),
        ("agent", "From nine to six."),
    ]
    (latency,) = shown["latency"]
    assert latency["total_s"] == pytest.approx(
        latency["turn_s"] + latency["llm_s"] + latency["tts_s"]
    )
    assert latency["turn_s"] == pytest.approx(latency["verdict_s"] + latency["stt_s"])
    assert latency["tts_s"] == pytest.approx(latency["synthesis_s"] + latency["output_s"])
    types = [entry["type"] for entry in shown["timeline"]]
    assert types[:2] == ["session_state_changed", "transports_planned"]
    # The harness's clients connect over WebSocket, which was planned as the second.
    assert types[2:5] == ["session_state_changed", "transport_switched", "leg_started"]
    assert shown["timeline"][1]["data"]["transports"] == ["webrtc", "websocket"]
    assert {"user_turn_ended", "latency_measured", "sentence_heard"} <= set(types)
    assert shown["timeline"][0]["offset_s"] == 0
    assert [entry["number"] for entry in shown["timeline"]] == list(range(1, len(types) + 1))
    assert created["token"] not in str(shown)


async def test_an_ended_session_is_shown_with_its_reason(client: httpx2.AsyncClient) -> None:
    created = await _create(client)
    path = f"/v1/sessions/{created['session_id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 204
    shown = (await client.get(path)).json()
    assert (shown["state"], shown["end_reason"]) == ("ended", "requested")
    assert shown["ended_at"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_session_is_a_404(client: httpx2.AsyncClient, method: str) -> None:
    response = await client.request(method, "/v1/sessions/nobody")
    assert (response.status_code, response.json()["code"]) == (404, "session_not_found")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_credential_that_is_brought_must_be_right(
    client: httpx2.AsyncClient, method: str
) -> None:
    mine, other = await _create(client), await _create(client)
    path = f"/v1/sessions/{mine['session_id']}"
    for wrong in (other["token"], "garbage"):
        headers = {"Authorization": f"Bearer {wrong}"}
        response = await client.request(method, path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    headers = {"Authorization": f"Bearer {mine['token']}"}
    assert (await client.request(method, path, headers=headers)).is_success


async def test_a_proxys_own_credential_is_no_concern_of_ours(client: httpx2.AsyncClient) -> None:
    created = await _create(client)
    headers = {"Authorization": "Basic dXNlcjpwdw=="}
    response = await client.get(f"/v1/sessions/{created['session_id']}", headers=headers)
    assert response.status_code == 200


async def test_without_open_access_only_the_token_counts(
    client_of: ClientMaker, harness: ConversationHarness
) -> None:
    client = client_of(open_access=False)
    new = await harness.sessions.create()
    path = f"/v1/sessions/{new.session_id}"
    for method, address in (("POST", "/v1/sessions"), ("GET", "/v1/sessions"), ("GET", path)):
        response = await client.request(method, address)
        assert (response.status_code, response.json()["code"]) == (401, "access_refused")
    headers = {"Authorization": f"Bearer {new.token}"}
    assert (await client.get(path, headers=headers)).status_code == 200
