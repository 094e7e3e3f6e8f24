"""What can be done with webhooks: made, shown, changed, tried, removed."""

import time
from collections.abc import Callable, Sequence

from voice_agent.core.pages import Page
from voice_agent.core.process_ids import new_id
from voice_agent.observability.webhooks.listener import WebhookEvent, message
from voice_agent.observability.webhooks.signature import new_secret
from voice_agent.observability.webhooks.target_rules import TargetRules
from voice_agent.storage.delivery_rows import Delivery, DeliveryRows
from voice_agent.storage.webhook_rows import Webhook, WebhookRows

WEBHOOK = "webhook"
"""What their ids begin with."""


class WebhookRegistry:
    """All raises StorageUnavailableError when the database is away."""

    def __init__(
        self,
        webhooks: WebhookRows,
        deliveries: DeliveryRows,
        rules: TargetRules,
        wake: Callable[[], None],
        wall_time: Callable[[], float] = time.time,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._rules = rules
        self._wake = wake
        self._wall_time = wall_time

    async def create(self, workspace_id: str, url: str, events: Sequence[str]) -> Webhook:
        """Keep a new webhook, with a new secret.

        Raises:
            WebhookTargetError: Nothing may be sent there.
        """
        self._rules.check_url(url)
        values = {"url": url, "events": list(events), "secret": new_secret(), "enabled": True}
        return await self._webhooks.create(new_id(WEBHOOK), workspace_id, values)

    async def list(self, workspace_id: str, cursor: str | None, limit: int) -> Page[Webhook]:
        """Return webhooks, newest first; CursorInvalidError for another list's cursor."""
        return await self._webhooks.list(workspace_id, cursor, limit)

    async def read(self, workspace_id: str, webhook_id: str) -> Webhook:
        """Return a webhook, WebhookNotFoundError when there is none."""
        return await self._webhooks.read(workspace_id, webhook_id)

    async def update(
        self,
        workspace_id: str,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given, and return the webhook.

        Raises:
            WebhookNotFoundError: There is none with that id.
            WebhookTargetError: Nothing may be sent there.
        """
        if url is not None:
            self._rules.check_url(url)
        given = {
            "url": url,
            "events": None if events is None else list(events),
            "enabled": enabled,
        }
        values = {name: value for name, value in given.items() if value is not None}
        changed = await self._webhooks.update(workspace_id, webhook_id, values)
        self._wake()
        return changed

    async def rotate_secret(self, workspace_id: str, webhook_id: str) -> Webhook:
        """Give a webhook a new secret; what is sent from now on is signed with it."""
        return await self._webhooks.update(workspace_id, webhook_id, {"secret": new_secret()})

    async def delete(self, workspace_id: str, webhook_id: str) -> None:
        """Forget a webhook with its deliveries, WebhookNotFoundError when there is none."""
        await self._webhooks.delete(workspace_id, webhook_id)

    async def test(self, workspace_id: str, webhook_id: str) -> None:
        """Send a webhook a message that says nothing."""
        webhook = await self._webhooks.read(workspace_id, webhook_id)
        words = {"message": "This is a test."}
        now = self._wall_time()
        made = message(webhook, new_id("test"), WebhookEvent.TEST, now, words)
        await self._deliveries.add([made])
        self._wake()

    async def deliveries(
        self, workspace_id: str, webhook_id: str, cursor: str | None, limit: int
    ) -> Page[Delivery]:
        """Return the messages of a webhook, newest first; raises as `read` and `list` do."""
        await self._webhooks.read(workspace_id, webhook_id)
        return await self._deliveries.list(webhook_id, cursor, limit)

    async def retry(self, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a message once more.

        Raises:
            DeliveryNotFoundError: The webhook has no such message.
            WebhookNotFoundError: There is no such webhook.
        """
        await self._webhooks.read(workspace_id, webhook_id)
        again = await self._deliveries.retry(webhook_id, delivery_id)
        self._wake()
        return again
