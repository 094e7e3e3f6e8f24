from typing import Any

import httpx2
import pytest

from tests.unit.api.conftest import ClientMaker

HOOK = "https://example.com/hook"


async def make(client: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post("/v1/webhooks", json={"url": HOOK, **changes})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_a_webhook_is_made_shown_changed_and_removed(client: httpx2.AsyncClient) -> None:
    made = await make(client, events=["session.ended"])
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhooks/{made['id']}"
    shown = (await client.get(path)).json()
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert (await client.get("/v1/webhooks")).json() == {"webhooks": [shown], "next_cursor": None}
    changed = await client.patch(path, json={"enabled": False, "url": HOOK + "2"})
    assert changed.json() == shown | {"enabled": False, "url": HOOK + "2"}
    rotated = await client.post(f"{path}/rotate-secret")
    assert rotated.json()["secret"] != made["secret"]
    assert rotated.headers["cache-control"] == "no-store"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["code"] == "webhook_not_found"


async def test_webhooks_come_in_pages(client: httpx2.AsyncClient) -> None:
    ids = [(await make(client))["id"] for _ in range(3)]
    first = (await client.get("/v1/webhooks", params={"limit": "2"})).json()
    rest = await client.get("/v1/webhooks", params={"limit": "2", "cursor": first["next_cursor"]})
    seen = [each["id"] for each in first["webhooks"] + rest.json()["webhooks"]]
    assert seen == ids[::-1]
    assert rest.json()["next_cursor"] is None


async def test_what_was_sent_is_shown_and_can_be_sent_again(client: httpx2.AsyncClient) -> None:
    path = f"/v1/webhooks/{(await make(client))['id']}"
    for _ in range(2):
        assert (await client.post(f"{path}/test")).status_code == 202
    page = (await client.get(f"{path}/deliveries", params={"limit": "1"})).json()
    [newest] = page["deliveries"]
    assert (newest["event"], newest["state"], newest["attempts"]) == ("webhook.test", "pending", 0)
    assert page["next_cursor"]
    again = await client.post(f"{path}/deliveries/{newest['id']}/retry")
    assert (again.status_code, again.json()["id"]) == (202, newest["id"])
    unknown = await client.post(f"{path}/deliveries/nothing/retry")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "delivery_not_found")


async def test_a_repeated_request_makes_one_webhook(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.post("/v1/webhooks", json={"url": HOOK}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len((await client.get("/v1/webhooks")).json()["webhooks"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request_invalid"),
        ({"url": HOOK, "events": []}, "request_invalid"),
        ({"url": HOOK, "events": ["session.paused"]}, "request_invalid"),
        ({"url": HOOK, "colour": "red"}, "request_invalid"),
        ({"url": "http://example.com/"}, "webhook_target"),
        ({"url": "https://127.0.0.1/"}, "webhook_target"),
        ({"url": "https://[fd00::1]/"}, "webhook_target"),
    ],
)
async def test_what_may_not_be_is_refused(
    client: httpx2.AsyncClient, body: dict[str, Any], code: str
) -> None:
    response = await client.post("/v1/webhooks", json=body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    path = f"/v1/webhooks/{(await make(client))['id']}"
    if body:
        response = await client.patch(path, json=body)
        assert (response.status_code, response.json()["code"]) == (422, code)


async def test_an_unknown_webhook_is_a_404(client: httpx2.AsyncClient) -> None:
    for method, address in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
        ("POST", "/deliveries/x/retry"),
    ):
        body: dict[str, Any] = {"json": {"enabled": True}} if method == "PATCH" else {}
        response = await client.request(method, f"/v1/webhooks/nothing{address}", **body)
        assert (response.status_code, response.json()["code"]) == (404, "webhook_not_found")


async def test_without_open_access_nothing_is_shown_or_changed(client_of: ClientMaker) -> None:
    client = client_of(open_access=False)
    for method, address in (("GET", ""), ("POST", ""), ("GET", "/x"), ("DELETE", "/x")):
        body: dict[str, Any] = {"json": {"url": HOOK}} if method == "POST" else {}
        response = await client.request(method, f"/v1/webhooks{address}", **body)
        assert (response.status_code, response.json()["code"]) == (401, "access_refused")
