import asyncio
from typing import Any

import httpx2
import pytest

from tests.unit.api.conftest import ClientMaker
from voice_agent.testing.harness import ConversationHarness

SHOP: dict[str, Any] = {
    "id": "shop",
    "name": "Shop",
    "greeting": "Hello {customer}.",
    "variables": [{"name": "customer", "default": "there"}],
    "knowledge": [{"questions": ["Open?"], "answer": "Always."}],
}


async def make(client: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post("/v1/agents", json=SHOP | changes)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def test_an_agent_is_made_read_changed_and_removed(client: httpx2.AsyncClient) -> None:
    made = await make(client)
    assert (made["origin"], made["turn"]["stop_s"]) == ("api", 0.2)
    read = await client.get("/v1/agents/shop")
    assert read.json() == made
    assert read.headers["etag"] == f'"{made["version"]}"'
    changed = await client.put(
        "/v1/agents/shop", json=SHOP | {"name": "Store"}, headers={"If-Match": read.headers["etag"]}
    )
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.headers["etag"]) == (
        "Store",
        f'"{changed.json()["version"]}"',
    )
    versions = (await client.get("/v1/agents/shop/versions")).json()["versions"]
    assert [(each["number"], each["definition"]["name"]) for each in versions] == [
        (2, "Store"),
        (1, "Shop"),
    ]
    assert (await client.delete("/v1/agents/shop")).status_code == 204
    for method in ("GET", "DELETE"):
        gone = await client.request(method, "/v1/agents/shop")
        assert (gone.status_code, gone.json()["code"]) == (404, "agent_not_found")
    again = await make(client)
    assert again["version"] == made["version"]


async def test_all_agents_are_listed_with_where_they_are_described(
    client: httpx2.AsyncClient,
) -> None:
    await make(client)
    listed = (await client.get("/v1/agents")).json()["agents"]
    assert [(each["id"], each["origin"]) for each in listed] == [
        ("frontdesk", "file"),
        ("sales", "file"),
        ("shop", "api"),
    ]


async def test_a_files_agent_is_read_only(client: httpx2.AsyncClient) -> None:
    body = SHOP | {"id": "frontdesk"}
    answers = [
        await client.put("/v1/agents/frontdesk", json=body, headers={"If-Match": '"x"'}),
        await client.delete("/v1/agents/frontdesk"),
        await client.get("/v1/agents/frontdesk/versions"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (409, "agent_read_only")
    ] * 3
    taken = await client.post("/v1/agents", json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "agent_exists")


async def test_of_two_changes_at_once_the_second_is_refused(client: httpx2.AsyncClient) -> None:
    made = await make(client)
    headers = {"If-Match": f'"{made["version"]}"'}
    answers = await asyncio.gather(
        *(
            client.put("/v1/agents/shop", json=SHOP | {"name": name}, headers=headers)
            for name in ("One", "Two")
        )
    )
    assert sorted(each.status_code for each in answers) == [200, 412]
    [refused] = [each for each in answers if each.status_code == 412]
    assert refused.json()["code"] == "agent_changed"
    [won] = [each for each in answers if each.status_code == 200]
    assert won.json()["version"] in refused.json()["detail"]


async def test_two_agents_of_one_id_made_at_once_are_one(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/v1/agents", json=SHOP) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]


async def test_a_change_must_say_what_it_is_based_on(client: httpx2.AsyncClient) -> None:
    await make(client)
    response = await client.put("/v1/agents/shop", json=SHOP)
    assert (response.status_code, response.json()["code"]) == (428, "precondition_required")


async def test_an_id_stays(client: httpx2.AsyncClient) -> None:
    made = await make(client)
    response = await client.put(
        "/v1/agents/shop",
        json=SHOP | {"id": "other"},
        headers={"If-Match": f'"{made["version"]}"'},
    )
    assert response.status_code == 412
    unknown = await client.put(
        "/v1/agents/nobody", json=SHOP | {"id": "nobody"}, headers={"If-Match": '"x"'}
    )
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Not An Id"}, "id"),
        ({"greeting": None}, "body"),
        ({"colour": "red"}, "colour"),
        ({"turn": {"stop_s": "soon"}}, "turn.stop_s"),
        ({"variables": [{"name": "1"}]}, "variables.0.name"),
    ],
)
async def test_what_is_wrong_with_an_agent_is_named(
    client: httpx2.AsyncClient, change: dict[str, Any], field: str
) -> None:
    response = await client.post("/v1/agents", json=SHOP | change)
    assert (response.status_code, response.json()["code"]) == (422, "request_invalid")
    assert [each["field"] for each in response.json()["errors"]] == [field]


async def test_a_repeated_request_makes_one_agent(client: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await client.post("/v1/agents", json=SHOP, headers=headers)
    again = await client.post("/v1/agents", json=SHOP, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post("/v1/agents", json=SHOP | {"name": "X"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_request_that_failed_may_be_repeated_with_its_key(
    client: httpx2.AsyncClient,
) -> None:
    await make(client)
    headers = {"Idempotency-Key": "k-1"}
    assert (await client.post("/v1/agents", json=SHOP, headers=headers)).status_code == 409
    await client.delete("/v1/agents/shop")
    assert (await client.post("/v1/agents", json=SHOP, headers=headers)).status_code == 201


async def test_a_running_session_keeps_the_version_it_began_with(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    made = await make(client)
    # The harness has agents of its own; what counts is that a session's agent is in its checkpoint.
    created = (await client.post("/v1/sessions", json={})).json()
    await client.put(
        "/v1/agents/shop", json=SHOP | {"name": "X"}, headers={"If-Match": f'"{made["version"]}"'}
    )
    assert (await harness.read(created["session_id"])).agent.name == "Front desk"


async def test_without_open_access_nothing_is_shown_or_changed(client_of: ClientMaker) -> None:
    client = client_of(open_access=False)
    for method, address in (
        ("GET", "/v1/agents"),
        ("GET", "/v1/agents/shop"),
        ("GET", "/v1/agents/shop/versions"),
        ("POST", "/v1/agents"),
        ("PUT", "/v1/agents/shop"),
        ("DELETE", "/v1/agents/shop"),
    ):
        body: dict[str, Any] = {"json": SHOP} if method in ("POST", "PUT") else {}
        response = await client.request(method, address, **body)
        assert (response.status_code, response.json()["code"]) == (401, "access_refused"), address
