"""WebSocket handshakes: who is let in, and what those hear who are not."""

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.api.conftest import AGENT, Site, serve_site
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import TransportKind


async def _refusal(site: Site, path: str, **options: Any) -> dict[str, Any]:
    with pytest.raises(InvalidStatus) as caught:
        async with site.connect(path, **options):
            pass
    response = caught.value.response
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.body or b"")
    assert problem["status"] == response.status_code
    return problem


@pytest.mark.parametrize("token", ["garbage", "", "a.b.c", "%00", "x" * 5000])
async def test_a_wrong_token_is_refused_with_a_problem_document(site: Site, token: str) -> None:
    new = await site.harness.sessions.create()
    problem = await _refusal(site, f"/v1/sessions/{new.session_id}/ws?token={token}")
    assert problem["status"] == 401


async def test_no_token_is_refused(site: Site) -> None:
    new = await site.harness.sessions.create()
    problem = await _refusal(site, f"/v1/sessions/{new.session_id}/ws")
    assert (problem["status"], problem["code"]) == (401, "access_refused")


async def test_another_sessions_token_is_refused(site: Site) -> None:
    mine = await site.harness.sessions.create()
    other = await site.harness.sessions.create()
    problem = await _refusal(site, f"/v1/sessions/{mine.session_id}/ws?token={other.token}")
    assert (problem["status"], problem["code"]) == (401, "token_invalid")


async def test_a_session_that_is_over_takes_no_socket(site: Site) -> None:
    new = await site.harness.sessions.create()
    await site.harness.sessions.end(new.session_id)
    for path in (f"/v1/sessions/{new.session_id}/ws", "/ws-client", "/ws"):
        problem = await _refusal(site, f"{path}?token={new.token}")
        assert (problem["status"], problem["code"]) == (410, "session_ended")


@pytest.mark.parametrize("path", ["/ws-client", "/ws"])
async def test_a_wrong_token_opens_no_session_even_while_access_is_open(
    site: Site, path: str
) -> None:
    problem = await _refusal(site, f"{path}?token=garbage")
    assert problem["code"] == "token_invalid"
    assert not await site.harness.list()


@pytest.mark.parametrize("path", ["/nothing", "/healthz", "/v1/sessions"])
async def test_there_is_no_socket_elsewhere(site: Site, path: str) -> None:
    problem = await _refusal(site, path)
    assert (problem["status"], problem["code"]) == (404, "not_found")


async def test_a_page_of_another_site_is_refused(site: Site) -> None:
    problem = await _refusal(site, "/ws-client", origin="https://attacker.example")
    assert (problem["status"], problem["code"]) == (403, "origin_refused")
    assert "VOICE_AGENT_ALLOWED_ORIGINS" in problem["detail"]
    assert not await site.harness.list()


async def test_a_rebound_name_is_refused(site: Site) -> None:
    """The page came from attacker.example, which now resolves to 127.0.0.1."""
    with pytest.raises(InvalidStatus) as caught:
        async with site.connect_as("attacker.example", "/ws-client"):
            pass
    problem = json.loads(caught.value.response.body or b"")
    assert (problem["status"], problem["code"]) == (403, "host_refused")
    assert not await site.harness.list()


async def test_an_invalid_attempt_is_refused(site: Site) -> None:
    new = await site.harness.sessions.create()
    path = f"/v1/sessions/{new.session_id}/ws?token={new.token}&attempt={'a' * 65}"
    problem = await _refusal(site, path)
    assert (problem["status"], problem["errors"][0]["field"]) == (422, "attempt")


async def test_without_open_access_nobody_walks_in() -> None:
    async with (
        ConversationHarness(AGENT) as harness,
        serve_site(harness, open_access=False) as site,
    ):
        for path in ("/ws-client", "/ws"):
            problem = await _refusal(site, path)
            assert (problem["status"], problem["code"]) == (401, "access_refused")
        assert not await harness.list()


async def test_where_websocket_is_not_offered_nobody_connects_over_it() -> None:
    async with (
        ConversationHarness(AGENT) as harness,
        serve_site(harness, transports=(TransportKind.WEBRTC,)) as site,
    ):
        new = await harness.sessions.create()
        path = f"/v1/sessions/{new.session_id}/ws?token={new.token}"
        for each in (path, "/ws-client"):
            problem = await _refusal(site, each)
            assert (problem["status"], problem["code"]) == (422, "transport_unavailable")
        assert len(await harness.list()) == 1
