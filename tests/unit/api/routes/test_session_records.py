"""What the API tells of sessions: lists, events, and words sent into them."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.kept import KeptThings
from tests.unit.api.api_doubles import AGENT
from tests.unit.api.conftest import ClientMaker
from voice_agent.core.agent import AGENT_ADAPTER
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.session_journal import RememberedEvent
from voice_agent.storage.session_archive import Entry, SessionArchive
from voice_agent.testing.harness import ConversationHarness


async def create(client: httpx2.AsyncClient, **wish: Any) -> str:
    response = await client.post("/v1/sessions", json=wish)
    assert response.status_code == 201, response.text
    return str(response.json()["session_id"])


async def test_a_list_comes_in_pages(client: httpx2.AsyncClient) -> None:
    ids = [await create(client) for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await client.get("/v1/sessions", params={"limit": "2", **cursor})).json()
        seen += [each["session_id"] for each in page["sessions"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert seen == ids[::-1]
    assert cursor == {}


async def test_a_list_can_be_narrowed(client: httpx2.AsyncClient) -> None:
    desk, sales = await create(client), await create(client, agent="sales")
    await client.delete(f"/v1/sessions/{desk}")

    async def found(**wanted: str) -> list[str]:
        response = await client.get("/v1/sessions", params=wanted)
        assert response.status_code == 200, response.text
        return [each["session_id"] for each in response.json()["sessions"]]

    assert await found(state="ended") == [desk]
    assert await found(agent="sales") == [sales]
    assert await found(created_from="2020-01-01T00:00:00Z") == [sales, desk]
    assert await found(created_before="2020-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "0"},
        {"limit": "1000"},
        {"state": "asleep"},
        {"created_from": "yesterday"},
        {"created_from": "2026-01-01T00:00:00"},
        {"cursor": "nonsense"},
        {"cursor": "x" * 1000},
    ],
)
async def test_a_list_cannot_be_asked_for_nonsense(
    client: httpx2.AsyncClient, wrong: dict[str, str]
) -> None:
    response = await client.get("/v1/sessions", params=wrong)
    assert response.status_code == 422
    assert response.json()["code"] in {"request_invalid", "cursor_invalid"}


async def test_metadata_and_variables_come_with_a_session(client_of: ClientMaker) -> None:
    agent = AGENT_ADAPTER.validate_python(
        {"id": "a", "name": "A", "greeting": "Hello {who}.", "variables": [{"name": "who"}]}
    )
    async with ConversationHarness(agent) as harness:
        client = client_of(sessions=harness.sessions)
        noted = {"order": 7, "tags": ["ü", None]}
        session_id = await create(client, metadata=noted, variables={"who": "Ada"})
        kept = await harness.read(session_id)
        assert (kept.metadata, kept.variables) == (noted, {"who": "Ada"})
        for wrong in ({}, {"who": "Ada", "colour": "red"}):
            response = await client.post("/v1/sessions", json={"variables": wrong})
            assert (response.status_code, response.json()["code"]) == (422, "variables_invalid")
        call = await harness.call(session_id)
        await call.agent_says("Hello Ada.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata": {"x": "y" * 20_000}},
        {"metadata": [1]},
        {"metadata": {"a": "\0"}},
        {"metadata": {"a": json.loads("[" * 30 + "]" * 30)}},
        {"variables": {"a": 1}},
        {"variables": {"a": "x" * 5000}},
    ],
)
async def test_metadata_and_variables_have_bounds(
    client: httpx2.AsyncClient, harness: ConversationHarness, wrong: dict[str, Any]
) -> None:
    response = await client.post("/v1/sessions", json=wrong)
    assert (response.status_code, response.json()["code"]) == (422, "request_invalid")
    assert not await harness.list()


async def test_a_repeated_request_makes_one_session(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    answers = [
        await client.post("/v1/sessions", json={}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(await harness.list()) == 1
    response = await client.post("/v1/sessions", json={}, headers={"Idempotency-Key": "k k"})
    assert response.status_code == 422


async def test_of_repeated_requests_at_once_one_is_carried_out(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    headers = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(
        *(client.post("/v1/sessions", json={}, headers=headers) for _ in range(5))
    )
    assert {each.status_code for each in answers} <= {201, 409}
    assert len(await harness.list()) == 1


async def read_events(response: httpx2.Response) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("data: "))
        for line in response.text.splitlines()
        if line.startswith("data: ")
    ]


async def test_a_sessions_events_come_until_it_is_over(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    session_id = await create(client)
    following = asyncio.create_task(client.get(f"/v1/sessions/{session_id}/events"))
    call = await harness.call(session_id)
    await call.agent_finishes("Hello.")
    await client.delete(f"/v1/sessions/{session_id}")
    response = await asyncio.wait_for(following, 10)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = await read_events(response)
    assert [each["number"] for each in events] == list(range(1, len(events) + 1))
    assert events[0]["data"] == {"state": "created", "reason": None}
    assert {"type": "sentence_heard", "data": {"text": "Hello."}}.items() <= next(
        each.items() for each in events if each["type"] == "sentence_heard"
    )
    assert events[-1]["data"]["state"] == "ended"
    # Whoever comes later reads the same from what was kept, or what he has not seen of it.
    again = await client.get(f"/v1/sessions/{session_id}/events")
    assert await read_events(again) == events
    rest = await client.get(
        f"/v1/sessions/{session_id}/events", headers={"Last-Event-ID": str(len(events) - 2)}
    )
    assert await read_events(rest) == events[-2:]
    nothing = await client.get(
        f"/v1/sessions/{session_id}/events", params={"after": str(len(events))}
    )
    assert nothing.status_code == 204


async def test_words_are_sent_into_a_session(client_of: ClientMaker, kept: KeptThings) -> None:
    async with ConversationHarness(
        AGENT, replies={"open": "From nine to six."}, journal=kept.journal
    ) as harness:
        client = client_of(sessions=harness.sessions)
        session_id = await create(client)
        path = f"/v1/sessions/{session_id}"
        for address in ("say", "messages"):
            refused = await client.post(f"{path}/{address}", json={"text": "Hi."})
            assert (refused.status_code, refused.json()["code"]) == (409, "session_not_connected")
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        said = await client.post(f"{path}/say", json={"text": "We close soon. Please hurry."})
        assert said.status_code == 202
        await call.agent_finishes("We close soon. Please hurry.")
        assert (await client.post(f"{path}/messages", json={"text": "open?"})).status_code == 202
        await call.agent_finishes("From nine to six.")
        turns = [(turn.speaker, turn.text) for turn in (await harness.read()).conversation.turns]
        assert turns[-2:] == [("user", "open?"), ("agent", "From nine to six.")]
        await client.delete(path)
        over = await client.post(f"{path}/say", json={"text": "Hi."})
        assert (over.status_code, over.json()["code"]) == (410, "session_ended")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " "}, {"text": "x" * 5000}, {"a": 1}])
async def test_words_have_bounds(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    session_id = await create(client)
    for address in ("say", "messages"):
        response = await client.post(f"/v1/sessions/{session_id}/{address}", json=body)
        assert response.status_code == 422


async def test_an_erased_session_leaves_nothing(
    client: httpx2.AsyncClient, harness: ConversationHarness
) -> None:
    session_id = await create(client)
    path = f"/v1/sessions/{session_id}"
    assert (await client.delete(path, params={"erase": "true"})).status_code == 204
    for address in (path, f"{path}/events"):
        assert (await client.get(address)).status_code == 404
    assert (await client.delete(path)).status_code == 404
    assert (await client.delete(path, params={"erase": "true"})).status_code == 404
    assert (await client.get("/v1/sessions")).json()["sessions"] == []


async def test_what_is_unknown_is_a_404(client: httpx2.AsyncClient) -> None:
    for method, address in (
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/say"),
        ("POST", "/messages"),
        ("DELETE", ""),
    ):
        body: dict[str, Any] = {"json": {"text": "Hi."}} if method == "POST" else {}
        response = await client.request(method, f"/v1/sessions/nobody{address}", **body)
        assert (response.status_code, response.json()["code"]) == (404, "session_not_found")


async def test_another_sessions_token_opens_nothing(client: httpx2.AsyncClient) -> None:
    mine, other = [(await client.post("/v1/sessions")).json() for _ in range(2)]
    headers = {"Authorization": f"Bearer {other['token']}"}
    for method, address in (("GET", "/events"), ("POST", "/say"), ("POST", "/messages")):
        body: dict[str, Any] = {"json": {"text": "Hi."}} if method == "POST" else {}
        path = f"/v1/sessions/{mine['session_id']}{address}"
        response = await client.request(method, path, headers=headers, **body)
        assert response.status_code == 401


async def test_a_session_that_runs_is_shown_without_a_database(
    client: httpx2.AsyncClient, harness: ConversationHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await create(client)

    async def away(*_: object, **__: object) -> None:
        raise StorageUnavailableError("connect to db-7.internal failed")

    for name in ("read", "list", "write"):
        monkeypatch.setattr(SessionArchive, name, away)
    shown = await client.get(f"/v1/sessions/{session_id}")
    assert (shown.status_code, shown.json()["state"]) == (200, "created")
    listed = await client.get("/v1/sessions")
    assert (listed.status_code, listed.json()["code"]) == (503, "storage_unavailable")
    assert "internal" not in listed.text
    assert listed.headers["retry-after"]


async def test_a_long_session_that_is_over_is_read_to_its_end(
    client: httpx2.AsyncClient, kept: KeptThings
) -> None:
    session_id = await create(client)
    await client.delete(f"/v1/sessions/{session_id}")
    await kept.journal.flush()
    session, _ = await kept.archive.read(session_id)
    events = [
        RememberedEvent(number, 1.0, "sentence_heard", {"text": ""}) for number in range(3, 1203)
    ]
    await kept.archive.write([Entry(session, 1, (), events)])
    path = f"/v1/sessions/{session_id}/events"
    rest = await client.get(path, params={"after": "1100"})
    assert [each["number"] for each in await read_events(rest)] == list(range(1101, 1203))
    assert (await client.get(path, params={"after": "1202"})).status_code == 204
