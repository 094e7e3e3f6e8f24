"""Messages to webhooks, from what happens in a session to a real server that takes them."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from tests.unit.storage.session_store_contract import TALKED, checkpoint
from voice_agent.core.errors import SessionNotFoundError, StorageUnavailableError
from voice_agent.core.events import ClientConnected, Event, EventPayload, SessionStateChanged
from voice_agent.core.session import EndReason, SessionState
from voice_agent.core.session_journal import RememberedSession, remembered_turns
from voice_agent.observability.metrics import Metrics
from voice_agent.observability.webhooks import listener as listener_module
from voice_agent.observability.webhooks import sender as sender_module
from voice_agent.observability.webhooks.listener import (
    SessionAndTurns,
    WebhookEvent,
    WebhookListener,
    message,
)
from voice_agent.observability.webhooks.registry import WebhookRegistry
from voice_agent.observability.webhooks.sender import WebhookSender
from voice_agent.observability.webhooks.target_rules import (
    AddressInfo,
    Lookup,
    TargetRules,
)
from voice_agent.storage.database import Database
from voice_agent.storage.delivery_rows import DeliveryRows
from voice_agent.storage.tables import WorkspaceRow
from voice_agent.storage.webhook_rows import Webhook, WebhookRows

PATIENCE_S = 10.0
OVER = replace(
    checkpoint(),
    state=SessionState.ENDED,
    end_reason=EndReason.CLIENT_LEFT,
    connected_at=100.0,
    ended_at=120.0,
    conversation=TALKED,
    metadata={"order": 7},
)


def event(payload: EventPayload, session_id: str = "s1") -> Event:
    return Event(session_id, 1, 100.0, 1.0, payload)


ENDED = event(SessionStateChanged(SessionState.ENDED, EndReason.CLIENT_LEFT))
FAILED = event(SessionStateChanged(SessionState.ENDED, EndReason.FAILED))
STARTED = event(ClientConnected())


@dataclass
class Target:
    """Somebody's server. It answers with `statuses` in order, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    trickles: bool = False
    taken: list[tuple[dict[str, str], str]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        async with self.arrived:
            self.taken.append((dict(request.headers), body))
            self.arrived.notify_all()
        if self.hangs and not request.query_string:
            await self.released.wait()
        if self.trickles:
            response = web.StreamResponse()
            await response.prepare(request)
            await self.released.wait()
            return response
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers, text="x" * 100_000)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.taken) >= count)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    target = Target()
    app = web.Application()
    app.router.add_post("/hook", target.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield target
    target.released.set()
    await runner.cleanup()


class House:
    """What tells webhooks in one process."""

    def __init__(self, database: Database, rules: TargetRules, lookup: Lookup) -> None:
        self.webhooks, self.deliveries = WebhookRows(database), DeliveryRows(database)
        self.sender = WebhookSender(self.deliveries, self.webhooks, rules, lookup=lookup)
        self.registry = WebhookRegistry(self.webhooks, self.deliveries, rules, self.sender.wake)
        self.listener = WebhookListener(
            self.webhooks, self.deliveries, self._workspace_of, self._read, self.sender.wake
        )
        self.reads = 0

    async def _workspace_of(self, session_id: str) -> str:
        if session_id != "s1":
            raise SessionNotFoundError(session_id)
        return OVER.workspace_id

    async def _read(self, session_id: str) -> SessionAndTurns:
        self.reads += 1
        return RememberedSession.of(OVER), remembered_turns(OVER)

    async def start(self) -> None:
        self.sender.start()
        self.listener.start()

    async def stop(self) -> None:
        await self.listener.stop()
        await self.sender.stop()

    async def until(self, webhook: Webhook, condition: Callable[[Any], bool]) -> Any:
        """Return the newest delivery when `condition` holds of it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                page = await self.deliveries.list(webhook.id, None, 10)
                if page.items and condition(page.items[0]):
                    return page.items[0]
                await asyncio.sleep(0.02)

    async def until_counted(self, delivered: int) -> None:
        """Return when the sender has counted so many; it does so after it kept what came of one."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self.sender.statistics.delivered >= delivered:
                    return
                await asyncio.sleep(0.02)


HouseMaker = Callable[..., Any]


@pytest.fixture
async def house_of(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HouseMaker]:
    monkeypatch.setattr(sender_module, "PAUSES_S", (0.05, 0.05))
    async with AsyncExitStack() as stack:

        async def make(
            *, allow_private: bool = True, started: bool = True, lookup: Lookup = socket.getaddrinfo
        ) -> House:
            house = House(database, TargetRules(allow_private), lookup)
            if started:
                await house.start()
                stack.push_async_callback(house.stop)
            return house

        yield make


async def test_a_session_that_ended_is_told_with_what_was_said(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(STARTED)
    house.listener(ENDED)
    await target.until(1)
    headers, body = target.taken[0]
    document = json.loads(body)
    assert document["type"] == "session.ended"
    assert document["data"]["session_id"] == "s1"
    assert document["data"]["metadata"] == {"order": 7}
    assert document["data"]["end_reason"] == "client_left"
    assert [turn["text"] for turn in document["data"]["transcript"]][:2] == [
        "Grüß Gott.",
        "Ist offen? 🙂",
    ]
    # As a receiver would verify it.
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    delivery = await house.until(webhook, lambda each: each.state == "delivered")
    assert (delivery.id, delivery.attempts, delivery.last_status) == (headers["webhook-id"], 1, 200)
    assert len(target.taken) == 1


async def test_each_kind_is_told_to_who_wants_it(
    house_of: HouseMaker, target: Target, database: Database
) -> None:
    house = await house_of()
    async with database.writing() as session:
        session.add(WorkspaceRow(id="another", name="Another", created_at=1.0))
    await house.registry.create("default", target.url, ["session.started", "session.failed"])
    await house.registry.create("another", target.url, ["session.started"])
    for happened in (STARTED, STARTED, FAILED, event(ClientConnected(), "erased")):
        house.listener(happened)
    await target.until(2)
    await house.listener.stop()
    bodies = [json.loads(body) for _, body in target.taken]
    assert sorted(each["type"] for each in bodies) == ["session.failed", "session.started"]
    [started] = [each for each in bodies if each["type"] == "session.started"]
    assert "transcript" not in started["data"]


async def test_what_is_not_taken_is_sent_again_with_the_same_id(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    target.statuses = [500, 503]
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    await target.until(3)
    delivery = await house.until(webhook, lambda each: each.state == "delivered")
    assert delivery.attempts == 3
    assert len({headers["webhook-id"] for headers, _ in target.taken}) == 1
    assert len({body for _, body in target.taken}) == 1


async def test_what_is_never_taken_is_given_up_and_can_be_sent_again(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    target.statuses = [500] * 3
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.state == "failed")
    assert (delivery.attempts, delivery.last_error) == (3, "it answered 500")
    await house.registry.retry("default", webhook.id, delivery.id)
    await house.until(webhook, lambda each: each.state == "delivered")
    assert house.sender.statistics.given_up == 1


async def test_a_redirect_is_not_followed(house_of: HouseMaker, target: Target) -> None:
    house = await house_of()
    target.statuses = [302] * 3
    target.headers = {"Location": "http://169.254.169.254/"}
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.state == "failed")
    assert "redirects are not followed" in delivery.last_error


async def test_a_target_that_hangs_is_not_waited_for(
    house_of: HouseMaker, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "TIMEOUT_S", 0.3)
    house = await house_of()
    target.hangs = True
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.attempts >= 1)
    assert "no answer within" in delivery.last_error


async def test_a_target_that_says_it_is_gone_is_told_nothing_more(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    target.statuses = [410]
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    await house.until(webhook, lambda each: each.state == "failed")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if not (await house.webhooks.read("default", webhook.id)).enabled:
                break
            await asyncio.sleep(0.02)
    assert len(target.taken) == 1


@pytest.mark.parametrize("way", ["seconds", "date"])
async def test_a_target_that_asks_for_time_gets_it(
    house_of: HouseMaker, target: Target, way: str
) -> None:
    house = await house_of()
    target.statuses = [429]
    wish = "900" if way == "seconds" else formatdate(time.time() + 900, usegmt=True)
    target.headers = {"Retry-After": wish}
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.attempts == 1)
    assert delivery.next_attempt_at - delivery.created_at > 800


async def test_a_name_that_became_private_gets_nothing(
    house_of: HouseMaker, target: Target, database: Database
) -> None:
    house = await house_of(allow_private=False)
    url = target.url.replace("http://127.0.0.1", "https://localhost")
    webhook = await house.registry.create("default", url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.state == "failed")
    assert "not a public address" in delivery.last_error
    assert target.taken == []


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    house_of: HouseMaker, target: Target
) -> None:
    asked: list[str] = []

    def lookup(host: str, port: int, *_: object) -> list[AddressInfo]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    house = await house_of(lookup=lookup)
    url = target.url.replace("127.0.0.1", "hook.example")
    await house.registry.create("default", url, ["session.ended"])
    house.listener(ENDED)
    await target.until(1)
    headers, _ = target.taken[0]
    assert headers["Host"].startswith("hook.example:")
    assert asked == ["hook.example"]


async def test_an_answer_that_does_not_end_is_an_answer(
    house_of: HouseMaker, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "ANSWER_S", 0.05)
    house = await house_of()
    target.trickles = True
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.attempts > 0)
    assert (delivery.state, delivery.last_status, delivery.attempts) == ("delivered", 200, 1)


async def test_an_answer_with_endless_headers_is_none(house_of: HouseMaker, target: Target) -> None:
    house = await house_of()
    target.headers = {f"X-{number}": "x" * 5000 for number in range(100)}
    target.headers["X-Long"] = "x" * 50_000
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    delivery = await house.until(webhook, lambda each: each.state == "failed")
    assert delivery.last_error
    assert delivery.last_status is None


async def test_a_target_that_hangs_holds_up_no_other(
    house_of: HouseMaker, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await house_of(started=False)
    target.hangs = True
    hanging = await house.registry.create("default", target.url, ["session.ended"])
    await house.deliveries.add(
        [message(hanging, f"s{number}", WebhookEvent.ENDED, 1.0, {}) for number in range(50)]
    )
    quick = await house.registry.create("default", target.url + "?quick", ["session.ended"])
    await house.deliveries.add([message(quick, "s1", WebhookEvent.ENDED, 1.0, {})])
    await house.start()
    try:
        await house.until(quick, lambda each: each.state == "delivered")
        await target.until(1 + sender_module.AT_ONCE_TO_EACH)
        assert len(target.taken) == 1 + sender_module.AT_ONCE_TO_EACH
    finally:
        target.released.set()
        await house.stop()


async def test_what_a_target_took_is_not_sent_again_because_the_database_was_away(
    house_of: HouseMaker, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "RETRY_S", 0.01)
    house = await house_of()
    note, failures = house.deliveries.note, [1, 2, 3]

    async def note_late(*arguments: Any, **values: Any) -> bool:
        if failures:
            failures.pop()
            raise StorageUnavailableError("away")
        kept: bool = await note(*arguments, **values)
        return kept

    monkeypatch.setattr(house.deliveries, "note", note_late)
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    await house.until(webhook, lambda each: each.state == "delivered")
    await house.until_counted(1)
    assert (len(target.taken), house.sender.statistics.delivered) == (1, 1)


async def test_what_is_being_sent_when_the_server_stops_is_sent_by_another(
    house_of: HouseMaker, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "STOP_TIMEOUT_S", 0.05)
    first = await house_of(started=False)
    target.hangs = True
    webhook = await first.registry.create("default", target.url, ["session.ended"])
    await first.start()
    first.listener(ENDED)
    await target.until(1)
    await first.stop()
    target.hangs = False
    await house_of()
    await target.until(2)
    assert len({headers["webhook-id"] for headers, _ in target.taken}) == 1
    assert (await first.deliveries.list(webhook.id, None, 1)).items[0].attempts <= 1


async def test_a_client_that_comes_back_does_not_start_the_session_again(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    await house.registry.create("default", target.url, ["session.started"])
    house.listener(replace(STARTED, wall_time=STARTED.wall_time + 30.0))
    await house.listener.stop()
    assert house.reads == 1
    assert target.taken == []
    house.listener.start()
    house.listener(STARTED)
    await target.until(1)


async def test_sessions_that_nobody_wants_to_know_of_are_not_read(house_of: HouseMaker) -> None:
    house = await house_of()
    await house.registry.create("default", "https://example.com/", ["session.failed"])
    house.listener(STARTED)
    house.listener(ENDED)
    await house.listener.stop()
    assert house.reads == 0


async def test_what_cannot_be_told_is_counted(
    house_of: HouseMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "WAITING_LIMIT", 2)
    house = await house_of(started=False)
    for _ in range(5):
        house.listener(ENDED)
    assert house.listener.dropped == 3
    metrics = Metrics(list)
    metrics.collect_webhooks(house.sender.statistics, lambda: house.listener.dropped)
    [family] = [each for each in metrics.families() if each.name == "voice_agent_webhook_messages"]
    assert {dict(each.labels)["outcome"]: each.value for each in family.samples} == {
        "delivered": 0,
        "given_up": 0,
        "dropped": 3,
    }


async def test_two_processes_send_each_message_once(house_of: HouseMaker, target: Target) -> None:
    first, second = await house_of(started=False), await house_of(started=False)
    webhook = await first.registry.create("default", target.url, ["session.ended"])
    await first.deliveries.add(
        [
            {
                "id": f"m{number}",
                "webhook_id": webhook.id,
                "session_id": f"s{number}",
                "event": "session.ended",
                "body": "{}",
            }
            for number in range(40)
        ]
    )
    for house in (first, second):
        await house.start()
    await target.until(40)
    for house in (first, second):
        await house.stop()
    assert sorted(headers["webhook-id"] for headers, _ in target.taken) == sorted(
        f"m{number}" for number in range(40)
    )


async def test_what_was_not_sent_before_a_stop_is_sent_after_the_next_start(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of(started=False)
    await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    await house.listener.stop()
    assert target.taken == []
    await house_of()
    await target.until(1)


async def test_a_disabled_webhook_is_told_when_it_is_enabled(
    house_of: HouseMaker, target: Target
) -> None:
    house = await house_of()
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    await house.registry.test("default", webhook.id)
    await target.until(1)
    await house.registry.update("default", webhook.id, enabled=False)
    await house.registry.test("default", webhook.id)
    assert await house.deliveries.take_due(10) == []
    await house.registry.update("default", webhook.id, enabled=True)
    await target.until(2)
    assert json.loads(target.taken[1][1])["type"] == "webhook.test"


async def test_an_erased_session_leaves_no_message(house_of: HouseMaker, target: Target) -> None:
    house = await house_of(started=False)
    webhook = await house.registry.create("default", target.url, ["session.ended"])
    house.listener(ENDED)
    await house.listener.stop()
    await house.deliveries.remove_of_session("s1")
    assert (await house.deliveries.list(webhook.id, None, 10)).items == []
