"""Messages to webhooks: which are due, and how far each came."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from voice_agent.core.errors import DeliveryNotFoundError
from voice_agent.core.pages import Page, decode_cursor, encode_cursor
from voice_agent.storage.database import Database
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
    """A message to be sent now, and where to."""

    delivery: Delivery
    url: str
    secret: str


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

    async def take_due(self, limit: int) -> Sequence[DueDelivery]:
        """Return messages that are due, for this process alone during `LEASE_S`."""
        now = self._wall_time()
        due = (
            select(DeliveryRow.__table__, WebhookRow.url, WebhookRow.secret)
            .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
            .where(
                DeliveryRow.state == DeliveryState.PENDING.value,
                DeliveryRow.next_attempt_at <= now,
                WebhookRow.enabled.is_(True),
            )
            .order_by(DeliveryRow.next_attempt_at)
            .limit(limit)
            .with_for_update(of=DeliveryRow, skip_locked=True)
        )

        def take(connection: Connection) -> list[DueDelivery]:
            taken = []
            for row in connection.execute(due).all():
                values = dict(row._mapping)
                url, secret = values.pop("url"), values.pop("secret")
                taken.append(DueDelivery(Delivery(**values), url, secret))
            if taken:
                ids = [each.delivery.id for each in taken]
                connection.execute(
                    update(DeliveryRow)
                    .where(DeliveryRow.id.in_(ids))
                    .values(next_attempt_at=now + LEASE_S)
                )
            return taken

        return await self._database.write(take)

    async def next_due_at(self) -> float | None:
        """Return the wall time at which the next message is due, None when none is."""
        query = (
            select(func.min(DeliveryRow.next_attempt_at))
            .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
            .where(DeliveryRow.state == DeliveryState.PENDING.value, WebhookRow.enabled.is_(True))
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar())

    async def note(
        self,
        delivery_id: str,
        state: DeliveryState,
        *,
        status: int | None,
        error: str | None,
        next_attempt_at: float | None,
    ) -> None:
        """Keep what came of an attempt."""
        is_delivered = state is DeliveryState.DELIVERED
        query = (
            update(DeliveryRow)
            .where(DeliveryRow.id == delivery_id)
            .values(
                state=state.value,
                attempts=DeliveryRow.attempts + 1,
                last_status=status,
                last_error=error,
                next_attempt_at=next_attempt_at,
                delivered_at=self._wall_time() if is_delivered else None,
            )
        )
        await self._database.write(lambda connection: connection.execute(query))

    async def release(self, delivery_id: str) -> None:
        """Give a message back that was not sent after all."""
        query = (
            update(DeliveryRow)
            .where(DeliveryRow.id == delivery_id)
            .values(next_attempt_at=self._wall_time())
        )
        await self._database.write(lambda connection: connection.execute(query))

    async def list(self, webhook_id: str, cursor: str | None, limit: int) -> Page[Delivery]:
        """Return the messages of a webhook, newest first.

        Raises:
            CursorInvalidError: The cursor is none of this list's.
        """
        query = select(DeliveryRow.__table__).where(DeliveryRow.webhook_id == webhook_id)
        if cursor is not None:
            at, last = decode_cursor(cursor)
            query = query.where(
                or_(
                    DeliveryRow.created_at < at,
                    and_(DeliveryRow.created_at == at, DeliveryRow.id < last),
                )
            )
        newest = (DeliveryRow.created_at.desc(), DeliveryRow.id.desc())
        query = query.order_by(*newest).limit(limit + 1)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = [Delivery(**row._mapping) for row in rows[:limit]]
        more = len(rows) > limit
        return Page(found, encode_cursor(found[-1].created_at, found[-1].id) if more else None)

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
        """Forget messages that were made so many seconds ago and are done with."""
        query = delete(DeliveryRow).where(
            DeliveryRow.created_at < self._wall_time() - age_s,
            DeliveryRow.state != DeliveryState.PENDING.value,
        )
        await self._database.write(lambda connection: connection.execute(query))
