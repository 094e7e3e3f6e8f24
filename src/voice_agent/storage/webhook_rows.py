"""Webhooks: where somebody wants to be told what happens to sessions."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from voice_agent.core.errors import WebhookNotFoundError
from voice_agent.core.pages import Page
from voice_agent.storage.database import Database
from voice_agent.storage.newest_first import newest_first, page_of
from voice_agent.storage.tables import WebhookRow


@dataclass(frozen=True)
class Webhook:
    """A target, the kinds of events it wants, and the secret that signs what is sent."""

    id: str
    workspace_id: str
    url: str
    events: Sequence[str]
    secret: str
    enabled: bool
    created_at: float


class WebhookRows:
    """Reads and writes. All raises StorageUnavailableError when the database is away.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, database: Database, wall_time: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall_time = wall_time

    async def create(
        self, webhook_id: str, workspace_id: str, values: Mapping[str, Any]
    ) -> Webhook:
        """Keep a new webhook with `values` for url, events, secret and enabled."""
        row = {
            "id": webhook_id,
            "workspace_id": workspace_id,
            "created_at": self._wall_time(),
            **values,
        }
        await self._database.write(lambda connection: connection.execute(insert(WebhookRow), row))
        return Webhook(**row)

    async def read(self, workspace_id: str, webhook_id: str) -> Webhook:
        """Return a webhook of a workspace.

        Raises:
            WebhookNotFoundError: There is none with that id.
        """
        query = select(WebhookRow.__table__).where(_is(workspace_id, webhook_id))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise _not_found(webhook_id)
        return Webhook(**row._mapping)

    async def list(self, workspace_id: str, cursor: str | None, limit: int) -> Page[Webhook]:
        """Return webhooks of a workspace, newest first.

        Raises:
            CursorInvalidError: The cursor is none of this list's.
        """
        query = select(WebhookRow.__table__).where(WebhookRow.workspace_id == workspace_id)
        query = newest_first(query, WebhookRow, cursor, limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, lambda row: Webhook(**row._mapping))

    async def wanting(self, workspace_id: str, event: str) -> Sequence[Webhook]:
        """Return the webhooks of a workspace that are to be told of such an event."""
        query = select(WebhookRow.__table__).where(
            WebhookRow.workspace_id == workspace_id, WebhookRow.enabled.is_(True)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Webhook(**row._mapping) for row in rows if event in row.events]

    async def update(
        self, workspace_id: str, webhook_id: str, values: Mapping[str, Any]
    ) -> Webhook:
        """Change what `values` name, and return the webhook.

        Raises:
            WebhookNotFoundError: There is none with that id.
        """
        if values:
            query = update(WebhookRow).where(_is(workspace_id, webhook_id)).values(**values)
            await self._database.write(lambda connection: connection.execute(query))
        return await self.read(workspace_id, webhook_id)

    async def delete(self, workspace_id: str, webhook_id: str) -> None:
        """Forget a webhook with its deliveries.

        Raises:
            WebhookNotFoundError: There is none with that id.
        """
        query = delete(WebhookRow).where(_is(workspace_id, webhook_id))
        if not await self._database.write(lambda connection: connection.execute(query).rowcount):
            raise _not_found(webhook_id)

    async def disable(self, webhook_id: str) -> None:
        """Send it nothing more, until somebody enables it again."""
        query = update(WebhookRow).where(WebhookRow.id == webhook_id).values(enabled=False)
        await self._database.write(lambda connection: connection.execute(query))


def _is(workspace_id: str, webhook_id: str) -> ColumnElement[bool]:
    return and_(WebhookRow.workspace_id == workspace_id, WebhookRow.id == webhook_id)


def _not_found(webhook_id: str) -> WebhookNotFoundError:
    return WebhookNotFoundError(f"no webhook has the id '{webhook_id[:64]}'")
