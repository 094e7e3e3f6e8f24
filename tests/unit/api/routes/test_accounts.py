import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.api.access import PASSWORD, SHOP, Access, access, bearer
from voice_agent.accounts.authorize import Action

__all__ = ["access"]

ANN = {"email": "ann@example.com", "name": "Ann", "password": PASSWORD}


async def setup(access: Access) -> dict[str, Any]:
    token = await access.accounts.setup_token()
    response = await access.client.post("/v1/auth/setup", json={**ANN, "token": token})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_from_the_setup_link_to_a_key_that_starts_a_session(access: Access) -> None:
    made = await setup(access)
    assert made["user"]["role"] == "administrator"
    assert made["token_type"] == "Bearer"
    signed_in = await access.client.post(
        "/v1/auth/sign-in", json={"email": "ann@example.com", "password": PASSWORD}
    )
    admin = bearer(signed_in.json()["access_token"])
    created = await access.client.post(
        "/v1/keys", headers=admin, json={"name": "CI", "scopes": ["sessions:create"]}
    )
    assert created.status_code == 201
    key = created.json()
    assert key["created_by"] == made["user"]["id"]
    started = await access.client.post("/v1/sessions", headers=bearer(key["key"]), json={})
    assert started.status_code == 201
    revoked = await access.client.delete(f"/v1/keys/{key['id']}", headers=admin)
    assert revoked.status_code == 204
    found = await access.refused("POST", "/v1/sessions", bearer(key["key"]), json={})
    assert found == (401, "credential_invalid")
    (listed,) = (await access.client.get("/v1/keys", headers=admin)).json()["keys"]
    assert listed["revoked_at"]
    assert "key" not in listed
    assert key["key"] not in str(listed)


async def test_the_setup_link_works_once(access: Access) -> None:
    token = await access.accounts.setup_token()
    await setup(access)
    found = await access.refused("POST", "/v1/auth/setup", json={**ANN, "token": token})
    assert found == (409, "setup_done")
    found = await access.refused("POST", "/v1/auth/setup", json={**ANN, "token": "vst_x"})
    assert found == (401, "credential_invalid")


async def test_a_session_of_a_user_goes_on_with_the_refresh_token(access: Access) -> None:
    made = await setup(access)
    body = {"refresh_token": made["refresh_token"]}
    refreshed = (await access.client.post("/v1/auth/refresh", json=body)).json()
    assert refreshed["refresh_token"] == made["refresh_token"]
    headers = bearer(refreshed["access_token"])
    me = (await access.client.get("/v1/auth/me", headers=headers)).json()
    assert (me["kind"], me["user"]["email"]) == ("user", "ann@example.com")
    assert me["scopes"] == sorted(Action)
    assert (await access.client.post("/v1/auth/sign-out", headers=headers)).status_code == 204
    found = await access.refused("GET", "/v1/auth/me", headers)
    assert found == (401, "credential_invalid")
    found = await access.refused("POST", "/v1/auth/refresh", json=body)
    assert found == (401, "credential_invalid")
    wrong_kind = {"refresh_token": made["access_token"]}
    found = await access.refused("POST", "/v1/auth/refresh", json=wrong_kind)
    assert found == (401, "credential_invalid")


async def test_a_key_is_somebody_but_no_user(access: Access) -> None:
    key = bearer(await access.key(Action.POOL_READ, agents=("sales",)))
    me = (await access.client.get("/v1/auth/me", headers=key)).json()
    assert (me["kind"], me["scopes"], me["agents"]) == ("secret_key", ["pool:read"], ["sales"])
    assert me["user"] is None
    for path in ("/v1/auth/sign-out", "/v1/auth/password"):
        body = {"current_password": PASSWORD, "new_password": "x" * 12}
        assert await access.refused("POST", path, key, json=body) == (403, "forbidden")
    assert await access.refused("GET", "/v1/auth/me") == (401, "access_refused")


async def test_everybody_changes_his_own_password(access: Access) -> None:
    old = bearer((await setup(access))["access_token"])
    wrong = {"current_password": "wrong", "new_password": "another password"}
    found = await access.refused("POST", "/v1/auth/password", old, json=wrong)
    assert found == (401, "sign_in_refused")
    right = wrong | {"current_password": PASSWORD}
    changed = await access.client.post("/v1/auth/password", headers=old, json=right)
    new = bearer(changed.json()["access_token"])
    assert (await access.client.get("/v1/auth/me", headers=new)).status_code == 200
    assert await access.refused("GET", "/v1/auth/me", old) == (401, "credential_invalid")


async def test_too_many_attempts_are_told_when_to_try_again(access: Access) -> None:
    wrong = {"email": "ann@example.com", "password": "wrong"}
    # At once: as each takes a while, one after the other they may be few enough in a minute.
    responses = await asyncio.gather(
        *(access.client.post("/v1/auth/sign-in", json=wrong) for _ in range(12))
    )
    refusals = Counter((each.status_code, each.json()["code"]) for each in responses)
    assert set(refusals) == {(401, "sign_in_refused"), (429, "too_many_requests")}
    assert refusals[401, "sign_in_refused"] >= 10
    waits = [int(each.headers["retry-after"]) for each in responses if each.status_code == 429]
    assert all(1 <= wait_s <= 6 for wait_s in waits)


async def test_users_are_made_listed_changed_and_deleted(access: Access) -> None:
    admin = bearer((await setup(access))["access_token"])
    bob = {"email": "Bob@example.com", "name": "Bob", "password": PASSWORD}
    made = await access.client.post("/v1/users", headers=admin, json=bob)
    assert made.status_code == 201
    user = made.json()
    assert (user["email"], user["role"]) == ("bob@example.com", "member")
    assert "password" not in made.text
    path = f"/v1/users/{user['id']}"
    changed = await access.client.patch(path, headers=admin, json={"role": "administrator"})
    assert (changed.json()["role"], changed.json()["name"]) == ("administrator", "Bob")
    assert (await access.client.get(path, headers=admin)).json() == changed.json()
    first = await access.client.get("/v1/users?limit=1", headers=admin)
    assert [each["name"] for each in first.json()["users"]] == ["Bob"]
    cursor = first.json()["next_cursor"]
    second = await access.client.get(f"/v1/users?limit=1&cursor={cursor}", headers=admin)
    assert [each["name"] for each in second.json()["users"]] == ["Ann"]
    assert second.json()["next_cursor"] is None
    found = await access.refused("POST", "/v1/users", admin, json=bob)
    assert found == (409, "email_taken")
    assert (await access.client.delete(path, headers=admin)).status_code == 204
    assert await access.refused("GET", path, admin) == (404, "user_not_found")
    last = f"/v1/users/{second.json()['users'][0]['id']}"
    assert await access.refused("DELETE", last, admin) == (409, "last_administrator")
    body = {"role": "member"}
    assert await access.refused("PATCH", last, admin, json=body) == (409, "last_administrator")


async def test_a_key_shows_what_it_is_for(access: Access) -> None:
    admin = bearer(await access.user())
    expires_at = datetime.now(UTC) + timedelta(days=1)
    wish = {
        "kind": "publishable",
        "name": "Shop",
        "agents": ["sales"],
        "origins": ["https://Shop.example.com/"],
        "max_sessions": 5,
        "sessions_per_minute": 10,
        "expires_at": expires_at.isoformat(),
    }
    made = (await access.client.post("/v1/keys", headers=admin, json=wish)).json()
    shown = (await access.client.get(f"/v1/keys/{made['id']}", headers=admin)).json()
    assert made == shown | {"key": made["key"]}
    assert shown["origins"] == [SHOP]
    assert shown["hint"].startswith("vak_public_")
    assert datetime.fromisoformat(shown["expires_at"]) == expires_at
    assert (shown["max_sessions"], shown["sessions_per_minute"]) == (5, 10)
    assert shown["last_used_at"] is None
    assert await access.refused("GET", "/v1/keys/nobody", admin) == (404, "key_not_found")
    assert await access.refused("GET", "/v1/keys/%00", admin) == (422, "request_invalid")


async def test_a_key_makes_no_key_that_can_do_more(access: Access) -> None:
    maker = bearer(await access.key(Action.KEYS_WRITE, Action.POOL_READ, agents=("sales",)))
    for wish in (
        {"name": "x", "scopes": ["users:write"], "agents": ["sales"]},
        {"name": "x", "kind": "publishable", "origins": [SHOP], "agents": ["sales"]},
        {"name": "x", "scopes": ["pool:read"]},
        {"name": "x", "scopes": ["pool:read"], "agents": ["sales", "frontdesk"]},
    ):
        assert await access.refused("POST", "/v1/keys", maker, json=wish) == (403, "forbidden")
    same = {"name": "x", "scopes": ["pool:read"], "agents": ["sales"]}
    made = await access.client.post("/v1/keys", headers=maker, json=same)
    assert made.status_code == 201


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("/v1/auth/sign-in", {"email": "x" * 319 + "@x"}, "email"),
        ("/v1/auth/sign-in", {"password": "x" * 201}, "password"),
        ("/v1/auth/sign-in", {"otp": "1"}, "otp"),
        ("/v1/auth/sign-in", {"email": "a\0@example.com"}, "email"),
        ("/v1/users", {"name": "a\0b"}, "name"),
        ("/v1/keys", {"name": "a\nb"}, "name"),
        ("/v1/users", {"password": "short"}, "password"),
        ("/v1/users", {"role": "owner"}, "role"),
        ("/v1/users", {"name": ""}, "name"),
        ("/v1/keys", {"scopes": ["everything"]}, "scopes.0"),
        ("/v1/keys", {"agents": ["../x"]}, "agents.0"),
        ("/v1/keys", {"max_sessions": 0}, "max_sessions"),
        ("/v1/keys", {"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ("/v1/keys", {"workspace_id": "other"}, "workspace_id"),
    ],
)
async def test_wrong_input_is_named(
    access: Access, path: str, change: dict[str, Any], field: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "/v1/auth/sign-in": {"email": "ann@example.com", "password": PASSWORD},
        "/v1/users": ANN,
        "/v1/keys": {"name": "CI", "scopes": ["pool:read"]},
    }
    admin = bearer(await access.user())
    response = await access.client.post(path, headers=admin, json=bodies[path] | change)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert "x" * 50 not in response.text


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"scopes": []}, "scopes: a secret key needs"),
        ({"kind": "publishable", "scopes": []}, "origins: a publishable key needs"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at: this is in the past"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    access: Access, wish: dict[str, Any], said: str
) -> None:
    body = {"name": "CI", "scopes": ["pool:read"]} | wish
    headers = bearer(await access.user())
    response = await access.client.post("/v1/keys", headers=headers, json=body)
    assert (response.status_code, response.json()["code"]) == (422, "account_invalid")
    assert said in response.json()["detail"]


async def test_a_cursor_is_taken_as_it_was_given(access: Access) -> None:
    admin = bearer(await access.user())
    for path in ("/v1/users", "/v1/keys"):
        found = await access.refused("GET", f"{path}?cursor=xyz", admin)
        assert found == (422, "cursor_invalid")
        assert (await access.refused("GET", f"{path}?limit=1000", admin))[0] == 422
