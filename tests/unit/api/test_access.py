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

WEBHOOK_ACTIONS = (Action.WEBHOOKS_READ, Action.WEBHOOKS_WRITE)
OFFER: Mapping[str, Any] = {"sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "type": "offer"}
USER = {"email": "new@example.com", "name": "New", "password": "correct horse battery"}
KEY = {"name": "new", "scopes": ["sessions:create"]}
AGENT: dict[str, Any] = {"id": "new", "name": "New", "greeting": "Hi."}
TEXT = {"text": "Hi."}
HOOK = {"url": "https://example.com/hook"}
ITS_OWN = (
    *("/v1/agents", "/v1/agents/frontdesk", "/v1/sessions", "/v1/users", "/v1/keys"),
    *("/v1/webhooks", "/start", "/api/offer"),
)
"""What everybody has of his own; the agents of files are everybody's."""
ALLOWED_BUT_NOT_NOW = {
    "precondition_required",
    "recording_not_found",
    "session_not_connected",
}
"""What who may do something is told all the same: these requests are only about who may."""

NEEDS: list[tuple[str, str, Any, Action]] = [
    ("GET", "/v1/agents", None, Action.AGENTS_READ),
    ("GET", "/v1/agents/frontdesk", None, Action.AGENTS_READ),
    ("POST", "/v1/agents", AGENT, Action.AGENTS_WRITE),
    ("PUT", "/v1/agents/{agent}", AGENT | {"id": "made"}, Action.AGENTS_WRITE),
    ("DELETE", "/v1/agents/{agent}", None, Action.AGENTS_WRITE),
    ("GET", "/v1/agents/{agent}/versions", None, Action.AGENTS_READ),
    ("GET", "/v1/pool", None, Action.POOL_READ),
    ("GET", "/metrics", None, Action.METRICS_READ),
    ("GET", "/v1/system", None, Action.SYSTEM_READ),
    ("POST", "/v1/sessions", {}, Action.SESSIONS_CREATE),
    ("GET", "/v1/sessions", None, Action.SESSIONS_READ),
    ("GET", "/v1/sessions/{session}", None, Action.SESSIONS_READ),
    ("GET", "/v1/sessions/{session}/events?after=99999", None, Action.SESSIONS_READ),
    ("POST", "/v1/sessions/{session}/say", TEXT, Action.SESSIONS_WRITE),
    ("POST", "/v1/sessions/{session}/messages", TEXT, Action.SESSIONS_WRITE),
    ("DELETE", "/v1/sessions/{session}", None, Action.SESSIONS_WRITE),
    ("DELETE", "/v1/sessions/{session}?erase=true", None, Action.SESSIONS_ERASE),
    ("GET", "/v1/sessions/{session}/recordings", None, Action.RECORDINGS_READ),
    ("GET", "/v1/sessions/{session}/recordings/1", None, Action.RECORDINGS_READ),
    ("DELETE", "/v1/sessions/{session}/recordings", None, Action.RECORDINGS_WRITE),
    ("GET", "/v1/webhooks", None, Action.WEBHOOKS_READ),
    ("POST", "/v1/webhooks", HOOK, Action.WEBHOOKS_WRITE),
    ("GET", "/v1/webhooks/{webhook}", None, Action.WEBHOOKS_READ),
    ("PATCH", "/v1/webhooks/{webhook}", {"enabled": False}, Action.WEBHOOKS_WRITE),
    ("DELETE", "/v1/webhooks/{webhook}", None, Action.WEBHOOKS_WRITE),
    ("POST", "/v1/webhooks/{webhook}/test", None, Action.WEBHOOKS_WRITE),
    ("POST", "/v1/webhooks/{webhook}/rotate-secret", None, Action.WEBHOOKS_WRITE),
    ("GET", "/v1/webhooks/{webhook}/deliveries", None, Action.WEBHOOKS_READ),
    (
        "POST",
        "/v1/webhooks/{webhook}/deliveries/{delivery}/retry",
        None,
        Action.WEBHOOKS_WRITE,
    ),
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
    owner = bearer(await access.key(Action.AGENTS_WRITE, *WEBHOOK_ACTIONS))
    made = AGENT | {"id": "made"}
    assert (await access.client.post("/v1/agents", headers=owner, json=made)).is_success
    hook = (await access.client.post("/v1/webhooks", headers=owner, json=HOOK)).json()["id"]
    assert (await access.client.post(f"/v1/webhooks/{hook}/test", headers=owner)).is_success
    sent = await access.client.get(f"/v1/webhooks/{hook}/deliveries", headers=owner)
    return path.format(
        session=session.session_id,
        user=users.items[0].id,
        key=keys.items[0].id,
        agent="made",
        webhook=hook,
        delivery=sent.json()["deliveries"][0]["id"],
    )


async def test_no_route_is_forgotten(access: Access) -> None:
    paths = (await access.client.get("/openapi.json")).json()["paths"]
    described = {(method, path) for path, methods in paths.items() for method in methods}
    needing = set()
    for method, path, _, _ in NEEDS:
        path = path.partition("?")[0].replace("frontdesk", "{agent_id}")
        for name in ("session", "user", "key", "agent", "webhook", "delivery"):
            path = path.replace(f"{{{name}}}", f"{{{name}_id}}")
        needing.add((method.lower(), path.replace("recordings/1", "recordings/{number}")))
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
    if path.partition("?")[0].endswith("/events"):
        # With the right key it would not end; for who comes for too much of it, it does.
        await harness.sessions.end(path.split("/")[3])
    response = await access.client.request(method, path, headers=bearer(right), **sent)
    if not response.is_success:
        assert response.json()["code"] in ALLOWED_BUT_NOT_NOW, response.text


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
    if path not in ITS_OWN:
        assert response.status_code in (404, 428), response.text
    elif method == "GET" and path != "/v1/agents/frontdesk":
        found = response.json()[path.removeprefix("/v1/")]
        assert "default" not in response.text
        assert "made" not in response.text
        assert len(found) == {"/v1/keys": 1, "/v1/agents": 2}.get(path, 0)


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


@pytest.mark.parametrize("limit", ["max_sessions", "sessions_per_minute"])
async def test_a_key_starts_as_many_sessions_as_it_may(access: Access, limit: str) -> None:
    wish: dict[str, Any] = {limit: 2}
    limited = bearer(await access.key(Action.SESSIONS_CREATE, Action.SESSIONS_WRITE, **wish))
    ids = []
    for _ in range(2):
        response = await access.client.post("/v1/sessions", headers=limited, json={})
        ids.append(response.json()["session_id"])
    for path in ("/v1/sessions", "/start"):
        assert await access.refused("POST", path, limited, json={}) == (429, "key_limit")
    other = bearer(await access.key(Action.SESSIONS_CREATE))
    assert (await access.client.post("/v1/sessions", headers=other, json={})).status_code == 201
    await access.client.delete(f"/v1/sessions/{ids[0]}", headers=limited)
    response = await access.client.post("/v1/sessions", headers=limited, json={})
    assert response.status_code == (201 if limit == "max_sessions" else 429)


async def test_a_key_of_some_agents_sees_nothing_of_the_others(access: Access) -> None:
    owner = bearer(await access.key(*Action))
    ids = {}
    for agent in ("frontdesk", "sales"):
        response = await access.client.post("/v1/sessions", headers=owner, json={"agent": agent})
        ids[agent] = response.json()["session_id"]
    bound = bearer(await access.key(*Action, agents=frozenset({"sales"})))
    listed = (await access.client.get("/v1/sessions", headers=bound)).json()["sessions"]
    assert [each["session_id"] for each in listed] == [ids["sales"]]
    assert (await access.client.get(f"/v1/sessions/{ids['sales']}", headers=bound)).is_success
    found = await access.refused("GET", f"/v1/sessions/{ids['frontdesk']}", bound)
    assert found == (403, "forbidden")


async def test_a_session_belongs_to_the_workspace_of_who_started_it(access: Access) -> None:
    theirs = bearer(await access.key(*Action, workspace_id=await access.other_workspace()))
    ours = bearer(await access.key(*Action))
    created = (await access.client.post("/v1/sessions", headers=theirs, json={})).json()
    path = f"/v1/sessions/{created['session_id']}"
    assert (await access.client.get(path, headers=theirs)).is_success
    assert (await access.client.get(path, headers=bearer(created["token"]))).is_success
    assert await access.refused("GET", path, ours) == (404, "session_not_found")
    assert await access.refused("DELETE", path, ours) == (404, "session_not_found")
    assert (await access.client.get("/v1/sessions", headers=ours)).json()["sessions"] == []
