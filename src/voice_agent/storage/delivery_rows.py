"""Messages to webhooks: which are due, and how far each came."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    func,
    select,
    update,
)

from voice_agent.core.errors import DeliveryNotFoundError
from voice_agent.core.pages import Page
from voice_agent.storage.database import Database
from voice_agent.storage.newest_first import newest_first, page_of
from voice_agent.storage.tables import DeliveryRow, WebhookRow

LEASE_S: Final = 60.0
"""For how long one process alone may send a message; then it is taken for lost with it."""


class DeliveryState(StrEnum):
    """How far a message came."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """A message. Times are wall time in seconds."""

    id: str
    webhook_id: str
    session_id: str
    event: str
    body: str
    state: str
    attempts: int
    next_attempt_at: float | None
    last_status: int | None
    last_error: str | None
    created_at: float
    delivered_at: float | None


@dataclass(frozen=True)
class DueDelivery:
    """A message to be sent now, and where to.

    It is the taker's alone until `leased_until`, which also says whose it is: what a former taker
    has to say of it does not count.
    """

    delivery: Delivery
    url: str
    secret: str
    leased_until: float


class DeliveryRows:
    """Reads and writes. All raises StorageUnavailableError when the database is away.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, database: Database, wall_time: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall_time = wall_time

    async def add(self, deliveries: Sequence[Mapping[str, Any]]) -> None:
        """Keep new messages, with id, webhook, session, event and body, due at once.

        A webhook is told of an event of a session once: what it was told already is left out.
        """
        if not deliveries:
            return
        now = self._wall_time()
        rows = [
            {
                "state": DeliveryState.PENDING.value,
                "attempts": 0,
                "next_attempt_at": now,
                "last_status": None,
                "last_error": None,
                "created_at": now,
                "delivered_at": None,
                **each,
            }
            for each in deliveries
        ]
        query = self._database.insert(DeliveryRow).on_conflict_do_nothing()
        await self._database.write(lambda connection: connection.execute(query, rows))

    async def take_due(
        self, limit: int, *, of_each: int = 16, busy: Mapping[str, int] = MappingProxyType({})
    ) -> Sequence[DueDelivery]:
        """Return messages that are due, for this process alone during `LEASE_S`.

        Args:
            limit: How many at most.
            of_each: How many of one webhook at most, so that one that hangs holds up no other.
            busy: How many of these each webhook has already.
        """
        now = self._wall_time()
        leased_until = now + LEASE_S
        found = self._first_due(now, limit, of_each, busy)
        # Looked for without a lock, so that a long line keeps nobody else from writing.
        ids = await self._database.read(
            lambda connection: connection.execute(found).scalars().all()
        )
        if not ids:
            return []
        due = (
            select(DeliveryRow.__table__, WebhookRow.url, WebhookRow.secret)
            .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
            .where(
                DeliveryRow.id.in_(ids),
                DeliveryRow.state == DeliveryState.PENDING.value,
                DeliveryRow.next_attempt_at <= now,
            )
            .order_by(DeliveryRow.next_attempt_at)
            .with_for_update(of=DeliveryRow, skip_locked=True)
        )

        def take(connection: Connection) -> list[DueDelivery]:
            taken = []
            for row in connection.execute(due).all():
                values = dict(row._mapping)
                url, secret = values.pop("url"), values.pop("secret")
                taken.append(DueDelivery(Delivery(**values), url, secret, leased_until))
            leased = update(DeliveryRow).where(
                DeliveryRow.id.in_([each.delivery.id for each in taken])
            )
            connection.execute(leased.values(next_attempt_at=leased_until))
            return taken

        return await self._database.write(take)

    def _first_due(
        self, now: float, limit: int, of_each: int, busy: Mapping[str, int]
    ) -> Select[tuple[str]]:
        full = [webhook_id for webhook_id, count in busy.items() if count >= of_each]
        place = func.row_number().over(
            partition_by=DeliveryRow.webhook_id,
            order_by=(DeliveryRow.next_attempt_at, DeliveryRow.id),
        )
        lines = (
            select(
                DeliveryRow.id,
                DeliveryRow.webhook_id,
                DeliveryRow.next_attempt_at,
                place.label("place"),
            )
            .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
            .where(
                # Only what is pending has a time. To read the state too, SQLite reads the body.
                DeliveryRow.next_attempt_at <= now,
                DeliveryRow.webhook_id.not_in(full),
                WebhookRow.enabled.is_(True),
            )
            .subquery()
        )
        room = (
            case(
                {webhook_id: of_each - count for webhook_id, count in busy.items()},
                value=lines.c.webhook_id,
                else_=of_each,
            )
            if busy
            else of_each
        )
        return (
            select(lines.c.id)
            .where(lines.c.place <= room)
            .order_by(lines.c.next_attempt_at)
            .limit(limit)
        )

    async def next_due_at(self, *, without: Collection[str] = ()) -> float | None:
        """Return the wall time at which the next message is due, None when none is.

        Args:
            without: Webhooks whose messages do not count.
        """
        query = (
            select(func.min(DeliveryRow.next_attempt_at))
            .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
            .where(WebhookRow.enabled.is_(True), DeliveryRow.webhook_id.not_in(list(without)))
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar())

    async def note(
        self,
        due: DueDelivery,
        state: DeliveryState,
        *,
        status: int | None,
        error: str | None,
        next_attempt_at: float | None,
    ) -> bool:
        """Keep what came of an attempt; return False when the message is not the taker's now."""
        is_delivered = state is DeliveryState.DELIVERED
        query = (
            update(DeliveryRow)
            .where(_is_leased(due))
            .values(
                state=state.value,
                attempts=DeliveryRow.attempts + 1,
                last_status=status,
                last_error=error,
                next_attempt_at=next_attempt_at,
                delivered_at=self._wall_time() if is_delivered else None,
            )
        )
        return bool(await self._database.write(lambda one: one.execute(query).rowcount))

    async def release(self, due: DueDelivery) -> None:
        """Give a message back that was not sent after all."""
        query = update(DeliveryRow).where(_is_leased(due)).values(next_attempt_at=self._wall_time())
        await self._database.write(lambda connection: connection.execute(query))

    async def list(self, webhook_id: str, cursor: str | None, limit: int) -> Page[Delivery]:
        """Return the messages of a webhook, newest first.

        Raises:
            CursorInvalidError: The cursor is none of this list's.
        """
        query = select(DeliveryRow.__table__).where(DeliveryRow.webhook_id == webhook_id)
        query = newest_first(query, DeliveryRow, cursor, limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, lambda row: Delivery(**row._mapping))

    async def retry(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Let a message be sent once more, at once, and return it.

        Raises:
            DeliveryNotFoundError: The webhook has no message with that id.
        """
        of_it = and_(DeliveryRow.webhook_id == webhook_id, DeliveryRow.id == delivery_id)
        again = (
            update(DeliveryRow)
            .where(of_it)
            .values(
                state=DeliveryState.PENDING.value, attempts=0, next_attempt_at=self._wall_time()
            )
        )

        def write(connection: Connection) -> Delivery | None:
            if not connection.execute(again).rowcount:
                return None
            row = connection.execute(select(DeliveryRow.__table__).where(of_it)).one()
            return Delivery(**row._mapping)

        found = await self._database.write(write)
        if found is None:
            raise DeliveryNotFoundError(f"no delivery has the id '{delivery_id[:64]}'")
        return found

    async def remove_of_session(self, session_id: str) -> None:
        """Forget what was told of a session."""
        query = delete(DeliveryRow).where(DeliveryRow.session_id == session_id)
        await self._database.write(lambda connection: connection.execute(query))

    async def remove_older(self, age_s: float) -> None:
        """Forget messages that were made so many seconds ago, also those of disabled webhooks."""
        query = delete(DeliveryRow).where(DeliveryRow.created_at < self._wall_time() - age_s)
        await self._database.write(lambda connection: connection.execute(query))


def _is_leased(due: DueDelivery) -> ColumnElement[bool]:
    return and_(
        DeliveryRow.id == due.delivery.id,
        DeliveryRow.state == DeliveryState.PENDING.value,
        DeliveryRow.next_attempt_at == due.leased_until,
    )
