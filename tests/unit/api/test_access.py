"""Every route that is not open asks for the scope that it is said to need."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.api.access import SHOP, Access, access, bearer
from tests.unit.api.conftest import ClientMaker
from voice_agent.accounts.authorize import Action
from voice_agent.accounts.principal import Role
from voice_agent.testing.harness import ConversationHarness

__all__ = ["access"]

OFFER: Mapping[str, Any] = {"sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "type": "offer"}
USER = {"email": "new@example.com", "name": "New", "password": "correct horse battery"}
KEY = {"name": "new", "scopes": ["sessions:create"]}

NEEDS: list[tuple[str, str, Any, Action]] = [
    ("GET", "/v1/agents", None, Action.AGENTS_READ),
    ("GET", "/v1/agents/frontdesk", None, Action.AGENTS_READ),
    ("GET", "/v1/pool", None, Action.POOL_READ),
    ("GET", "/metrics", None, Action.METRICS_READ),
    ("POST", "/v1/sessions", {}, Action.SESSIONS_CREATE),
    ("GET", "/v1/sessions", None, Action.SESSIONS_READ),
    ("GET", "/v1/sessions/{session}", None, Action.SESSIONS_READ),
    ("DELETE", "/v1/sessions/{session}", None, Action.SESSIONS_WRITE),
    ("POST", "/start", {}, Action.SESSIONS_CREATE),
    ("POST", "/api/offer", OFFER, Action.SESSIONS_CREATE),
    ("GET", "/v1/users", None, Action.USERS_READ),
    ("GET", "/v1/users/{user}", None, Action.USERS_READ),
    ("POST", "/v1/users", USER, Action.USERS_WRITE),
    ("PATCH", "/v1/users/{user}", {"name": "x"}, Action.USERS_WRITE),
    ("DELETE", "/v1/users/{user}", None, Action.USERS_WRITE),
    ("GET", "/v1/keys", None, Action.KEYS_READ),
    ("GET", "/v1/keys/{key}", None, Action.KEYS_READ),
    ("POST", "/v1/keys", KEY, Action.KEYS_WRITE),
    ("DELETE", "/v1/keys/{key}", None, Action.KEYS_WRITE),
]
OPEN = {
    *(("get", "/healthz"), ("get", "/readyz")),
    *(("post", f"/v1/auth/{name}") for name in ("sign-in", "refresh", "setup")),
}
SHOWS_ITSELF = {
    # For a session's own token, which is in the address or checked beside the table.
    *((method, "/v1/sessions/{session_id}/offer") for method in ("post", "patch")),
    *((method, "/sessions/{token}/api/offer") for method in ("post", "patch")),
    ("patch", "/api/offer"),
    # For who is somebody, whatever he may do.
    *(("post", f"/v1/auth/{name}") for name in ("sign-out", "password")),
    ("get", "/v1/auth/me"),
}


async def fill(access: Access, harness: ConversationHarness, path: str) -> str:
    """Return `path` with the ids of what there is."""
    session = await harness.sessions.create()
    await access.user()
    users = await access.accounts.users.list("default", 1, None)
    await access.key(Action.POOL_READ)
    keys = await access.accounts.keys.list("default", 1, None)
    return path.format(session=session.session_id, user=users.items[0].id, key=keys.items[0].id)


async def test_no_route_is_forgotten(access: Access) -> None:
    paths = (await access.client.get("/openapi.json")).json()["paths"]
    described = {(method, path) for path, methods in paths.items() for method in methods}
    named = {"{session}": "{session_id}", "{user}": "{user_id}", "{key}": "{key_id}"}
    needing = set()
    for method, path, _, _ in NEEDS:
        for short, long in named.items():
            path = path.replace(short, long)
        needing.add((method.lower(), path.replace("frontdesk", "{agent_id}")))
    assert described == needing | OPEN | SHOWS_ITSELF


@pytest.mark.parametrize(("method", "path", "body", "action"), NEEDS)
async def test_each_route_needs_its_scope(
    access: Access,
    harness: ConversationHarness,
    method: str,
    path: str,
    body: Any,
    action: Action,
) -> None:
    path = await fill(access, harness, path)
    sent = {} if body is None else {"json": body}
    await access.user()  # so that nobody is the last administrator
    all_others = await access.key(*(set(Action) - {action}))
    right = await access.key(action, Action.SESSIONS_CREATE)
    wrong_end = right[:-1] + ("0" if right[-1] != "0" else "1")

    assert await access.refused(method, path, **sent) == (401, "access_refused")
    for wrong in (wrong_end, "vat_x.y"):
        found = await access.refused(method, path, bearer(wrong), **sent)
        assert found == (401, "credential_invalid")
    response = await access.client.request(method, path, headers=bearer(all_others), **sent)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert action in response.json()["detail"]
    response = await access.client.request(method, path, headers=bearer(right), **sent)
    assert response.is_success, response.text


@pytest.mark.parametrize(("method", "path", "body", "action"), NEEDS)
async def test_another_workspaces_key_finds_nothing(
    access: Access,
    harness: ConversationHarness,
    method: str,
    path: str,
    body: Any,
    action: Action,
) -> None:
    path = await fill(access, harness, path)
    key = await access.key(*Action, workspace_id=await access.other_workspace())
    sent = {} if body is None else {"json": body}
    response = await access.client.request(method, path, headers=bearer(key), **sent)
    lists_its_own = path in ("/v1/users", "/v1/keys")
    if not lists_its_own:
        assert response.status_code == 404, response.text
    elif method == "GET":
        found = response.json()[path.removeprefix("/v1/")]
        assert "default" not in response.text
        assert len(found) == (path == "/v1/keys")


async def test_a_refusal_says_how_to_show_a_credential(access: Access) -> None:
    response = await access.client.get("/v1/agents")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "a key or an access token" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_nothing(access: Access, path: str) -> None:
    assert (await access.client.get(path)).status_code == 200


async def test_a_member_may_start_and_read_but_make_no_keys(access: Access) -> None:
    member = bearer(await access.user(Role.MEMBER))
    assert (await access.client.post("/v1/sessions", headers=member, json={})).status_code == 201
    assert (await access.client.get("/v1/users", headers=member)).status_code == 200
    found = await access.refused("POST", "/v1/keys", member, json=KEY)
    assert found == (403, "forbidden")


async def test_the_session_that_was_started_is_its_tokens(
    access: Access, harness: ConversationHarness
) -> None:
    key = bearer(await access.key(Action.SESSIONS_CREATE))
    created = (await access.client.post("/v1/sessions", headers=key, json={})).json()
    other = await harness.sessions.create()
    mine = f"/v1/sessions/{created['session_id']}"
    token = bearer(created["token"])
    offered = await access.client.post(f"{mine}/offer", headers=token, json=OFFER)
    assert offered.status_code == 200
    assert (await access.client.get(mine, headers=token)).status_code == 200
    theirs = f"/v1/sessions/{other.session_id}"
    assert await access.refused("GET", theirs, token) == (401, "token_invalid")
    assert await access.refused("GET", "/v1/sessions", token) == (401, "token_invalid")
    assert await access.refused("GET", "/v1/agents", token) == (403, "forbidden")
    # A key that may do everything starts and ends sessions; it does not listen in on one.
    everything = bearer(await access.key(*Action))
    found = await access.refused("POST", f"{mine}/offer", everything, json=OFFER)
    assert found == (401, "access_refused")


async def test_keys_are_not_taken_from_the_address(access: Access) -> None:
    key = await access.key(*Action)
    found = await access.refused("GET", f"/v1/agents?token={key}")
    assert found == (401, "access_refused")
    found = await access.refused("POST", f"/api/offer?token={key}", json=OFFER)
    assert found == (401, "token_invalid")


async def test_a_key_for_some_agents_starts_those(access: Access) -> None:
    key = bearer(await access.key(Action.SESSIONS_CREATE, Action.AGENTS_READ, agents=("sales",)))
    for path, named in (("/v1/sessions", "agent"), ("/start", "agent")):
        right = await access.client.post(path, headers=key, json={named: "sales"})
        assert right.is_success
        for wish in ({}, {named: "frontdesk"}):
            assert await access.refused("POST", path, key, json=wish) == (403, "forbidden")
    found = await access.refused("POST", "/api/offer", key, json=OFFER)
    assert found == (403, "forbidden")
    agents = (await access.client.get("/v1/agents", headers=key)).json()["agents"]
    assert [agent["id"] for agent in agents] == ["sales"]
    found = await access.refused("GET", "/v1/agents/frontdesk", key)
    assert found == (403, "forbidden")


async def test_a_page_starts_a_session_with_a_publishable_key(access: Access) -> None:
    key = await access.publishable()
    response = await access.client.post("/v1/sessions", headers=bearer(key, Origin=SHOP), json={})
    assert response.status_code == 201
    assert response.headers["access-control-allow-origin"] == SHOP
    token = bearer(response.json()["token"], Origin=SHOP)
    path = f"/v1/sessions/{response.json()['session_id']}"
    offered = await access.client.post(f"{path}/offer", headers=token, json=OFFER)
    assert offered.status_code == 200


async def test_the_browser_may_ask_before_it_shows_the_key(access: Access) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    response = await access.client.options("/v1/sessions", headers=asked)
    assert response.status_code == 403
    key = await access.publishable()
    response = await access.client.options("/v1/sessions", headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == SHOP
    page = await access.accounts.keys.list("default", 1, None)
    await access.accounts.keys.revoke("default", page.items[0].id)
    response = await access.client.options("/v1/sessions", headers=asked)
    assert response.status_code == 403
    found = await access.refused("POST", "/v1/sessions", bearer(key, Origin=SHOP), json={})
    assert found == (403, "origin_refused")


async def test_a_publishable_key_is_for_its_pages_only(access: Access) -> None:
    key = await access.publishable(agents=("frontdesk",))
    own_page = "http://localhost:7860"
    for headers in (bearer(key), bearer(key, Origin=own_page), bearer(key, Origin="https://x.y")):
        found = await access.refused("POST", "/v1/sessions", headers, json={})
        assert found == (403, "origin_refused")
    right = bearer(key, Origin=SHOP)
    found = await access.refused("POST", "/v1/sessions", right, json={"agent": "sales"})
    assert found == (403, "forbidden")
    for method, path, body, action in NEEDS:
        if action is not Action.SESSIONS_CREATE:
            sent = {} if body is None else {"json": body}
            assert await access.refused(method, path, right, **sent) == (403, "forbidden")


async def test_one_visitor_does_not_use_a_page_up(access: Access) -> None:
    right = bearer(await access.publishable(), Origin=SHOP)
    for _ in range(10):
        response = await access.client.post("/start", headers=right, json={})
        assert response.status_code == 200
    response = await access.client.post("/v1/sessions", headers=right, json={})
    assert (response.status_code, response.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(response.headers["retry-after"]) <= 6
    other = bearer(await access.publishable(), Origin=SHOP)
    assert (await access.client.post("/start", headers=other, json={})).status_code == 200


async def test_a_wrong_credential_is_refused_where_none_is_asked_for(
    client_of: ClientMaker, access: Access
) -> None:
    client = client_of(accounts=access.accounts)
    for wrong in ("vak_x", "vat_x", "x"):
        response = await client.get("/v1/agents", headers=bearer(wrong))
        assert response.status_code == 401
    assert (await client.get("/v1/agents")).status_code == 200
    key = await access.key(Action.POOL_READ)
    assert (await client.get("/v1/pool", headers=bearer(key))).status_code == 200
    assert (await client.get("/v1/agents", headers=bearer(key))).status_code == 403
