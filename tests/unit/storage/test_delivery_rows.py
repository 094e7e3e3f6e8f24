"""Who may send a message, and until when."""

from collections.abc import Sequence

import pytest

from voice_agent.storage.database import Database
from voice_agent.storage.delivery_rows import LEASE_S, DeliveryRows, DeliveryState, DueDelivery
from voice_agent.storage.webhook_rows import WebhookRows

NOW = 1_000_000.0


class Deliveries:
    """Messages to webhooks in a database of its own, and a clock that the test turns."""

    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.rows = DeliveryRows(database, lambda: self.now)
        self.webhooks = WebhookRows(database, lambda: self.now)

    async def add(self, webhook_id: str, *ids: str) -> None:
        """Keep a webhook, and messages to it with these ids."""
        values = {"url": "https://example.com/", "events": [], "secret": "s", "enabled": True}
        await self.webhooks.create(webhook_id, "default", values)
        await self.rows.add(
            [
                {"id": each, "webhook_id": webhook_id, "session_id": each, "event": "e", "body": ""}
                for each in ids
            ]
        )

    async def note(self, due: DueDelivery, state: DeliveryState) -> bool:
        """Keep what came of an attempt."""
        return await self.rows.note(due, state, status=200, error=None, next_attempt_at=None)

    async def states(self, webhook_id: str) -> Sequence[tuple[str, int]]:
        """Return state and attempts of a webhook's messages, newest first."""
        page = await self.rows.list(webhook_id, None, 100)
        return [(each.state, each.attempts) for each in page.items]


@pytest.fixture
def deliveries(database: Database) -> Deliveries:
    return Deliveries(database)


def ids(due: Sequence[DueDelivery]) -> list[str]:
    return sorted(each.delivery.id for each in due)


async def test_what_one_took_another_does_not_get_until_the_lease_is_over(
    deliveries: Deliveries,
) -> None:
    await deliveries.add("w", "m1", "m2")
    taken = [*await deliveries.rows.take_due(1), *await deliveries.rows.take_due(5)]
    assert ids(taken) == ["m1", "m2"]
    assert await deliveries.rows.take_due(5) == []
    assert await deliveries.rows.next_due_at() == NOW + LEASE_S
    deliveries.now += LEASE_S
    assert ids(await deliveries.rows.take_due(5)) == ["m1", "m2"]


async def test_what_a_former_taker_says_does_not_count(deliveries: Deliveries) -> None:
    await deliveries.add("w", "m1")
    [former] = await deliveries.rows.take_due(1)
    deliveries.now += LEASE_S
    [taker] = await deliveries.rows.take_due(1)
    await deliveries.rows.release(former)
    assert await deliveries.rows.take_due(1) == []
    assert not await deliveries.note(former, DeliveryState.FAILED)
    assert await deliveries.states("w") == [("pending", 0)]
    assert await deliveries.note(taker, DeliveryState.DELIVERED)
    assert not await deliveries.note(former, DeliveryState.FAILED)
    assert await deliveries.states("w") == [("delivered", 1)]


async def test_what_is_given_back_is_due_at_once(deliveries: Deliveries) -> None:
    await deliveries.add("w", "m1")
    [taken] = await deliveries.rows.take_due(1)
    await deliveries.rows.release(taken)
    assert ids(await deliveries.rows.take_due(1)) == ["m1"]


async def test_each_webhook_gets_its_share(deliveries: Deliveries) -> None:
    await deliveries.add("busy", *(f"b{number}" for number in range(5)))
    deliveries.now += 1
    await deliveries.add("quiet", "q1")
    first = await deliveries.rows.take_due(10, of_each=2)
    assert ids(first) == ["b0", "b1", "q1"]
    assert await deliveries.rows.take_due(10, of_each=2, busy={"busy": 2, "quiet": 1}) == []
    assert await deliveries.rows.next_due_at() == NOW
    assert await deliveries.rows.next_due_at(without=["busy"]) == deliveries.now + LEASE_S
    more = await deliveries.rows.take_due(10, of_each=2, busy={"busy": 1})
    assert ids(more) == ["b2"]


async def test_messages_do_not_stay_for_ever_even_to_a_disabled_webhook(
    deliveries: Deliveries,
) -> None:
    await deliveries.add("w", "m1")
    await deliveries.webhooks.disable("w")
    deliveries.now += 100
    await deliveries.rows.remove_older(101)
    assert len(await deliveries.states("w")) == 1
    await deliveries.rows.remove_older(99)
    assert await deliveries.states("w") == []
