"""Webhooks: who else is told what happens to sessions."""

from fastapi import APIRouter, Request, Response

from voice_agent.accounts.authorize import Action
from voice_agent.api.credentials import require
from voice_agent.api.idempotent import IdempotencyKey, carried_out_once
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.models import Cursor, PageLimit, Status
from voice_agent.api.services import ApiServices
from voice_agent.api.webhook_models import (
    DeliveryList,
    DeliveryView,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookView,
    WebhookWithSecret,
)


def webhook_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/webhooks`."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    async def workspace_of(request: Request, action: Action) -> str:
        return (await require(services, request, action)).workspace_id

    @router.post(
        "",
        status_code=201,
        dependencies=[JSON_ONLY],
        response_model=WebhookWithSecret,
        summary="Make a webhook",
    )
    async def create_webhook(
        request: Request, body: WebhookRequest, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Have a server told what happens to sessions. The secret is shown this once."""
        principal = await require(services, request, Action.WEBHOOKS_WRITE)

        async def create() -> WebhookWithSecret:
            made = await services.webhooks.create(principal.workspace_id, body.url, body.events)
            return WebhookWithSecret.of(made)

        return await carried_out_once(services, request, idempotency_key, principal, create)

    @router.get("", summary="All webhooks")
    async def list_webhooks(
        request: Request, limit: PageLimit = 50, cursor: Cursor = None
    ) -> WebhookList:
        """Return the webhooks, newest first, in pages."""
        page = await services.webhooks.list(
            await workspace_of(request, Action.WEBHOOKS_READ), cursor, limit
        )
        views = [WebhookView.of(each) for each in page.items]
        return WebhookList(webhooks=views, next_cursor=page.next_cursor)

    @router.get("/{webhook_id}", summary="One webhook")
    async def read_webhook(webhook_id: str, request: Request) -> WebhookView:
        """Return a webhook, without its secret."""
        found = await services.webhooks.read(
            await workspace_of(request, Action.WEBHOOKS_READ), webhook_id
        )
        return WebhookView.of(found)

    @router.patch("/{webhook_id}", dependencies=[JSON_ONLY], summary="Change a webhook")
    async def change_webhook(webhook_id: str, request: Request, body: WebhookChange) -> WebhookView:
        """Change what the body names; enabling it sends what waits."""
        changed = await services.webhooks.update(
            await workspace_of(request, Action.WEBHOOKS_WRITE),
            webhook_id,
            url=body.url,
            events=body.events,
            enabled=body.enabled,
        )
        return WebhookView.of(changed)

    @router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook")
    async def delete_webhook(webhook_id: str, request: Request) -> None:
        """Forget a webhook with its deliveries."""
        await services.webhooks.delete(
            await workspace_of(request, Action.WEBHOOKS_WRITE), webhook_id
        )

    @router.post("/{webhook_id}/test", status_code=202, summary="Try a webhook")
    async def test_webhook(webhook_id: str, request: Request) -> Status:
        """Send it a `webhook.test`; its deliveries show what came of it."""
        await services.webhooks.test(await workspace_of(request, Action.WEBHOOKS_WRITE), webhook_id)
        return Status(status="accepted")

    @router.post("/{webhook_id}/rotate-secret", summary="Give a webhook a new secret")
    async def rotate_secret(
        webhook_id: str, request: Request, response: Response
    ) -> WebhookWithSecret:
        """Sign with a new secret from now on; it is shown this once."""
        response.headers["Cache-Control"] = "no-store"
        found = await services.webhooks.rotate_secret(
            await workspace_of(request, Action.WEBHOOKS_WRITE), webhook_id
        )
        return WebhookWithSecret.of(found)

    @router.get("/{webhook_id}/deliveries", summary="What was sent to a webhook")
    async def list_deliveries(
        webhook_id: str, request: Request, limit: PageLimit = 50, cursor: Cursor = None
    ) -> DeliveryList:
        """Return its messages and how far each came, newest first, in pages."""
        page = await services.webhooks.deliveries(
            await workspace_of(request, Action.WEBHOOKS_READ), webhook_id, cursor, limit
        )
        views = [DeliveryView.of(each) for each in page.items]
        return DeliveryList(deliveries=views, next_cursor=page.next_cursor)

    @router.post(
        "/{webhook_id}/deliveries/{delivery_id}/retry",
        status_code=202,
        summary="Send a message once more",
    )
    async def retry_delivery(webhook_id: str, delivery_id: str, request: Request) -> DeliveryView:
        """Send a message once more, whatever became of it before."""
        workspace_id = await workspace_of(request, Action.WEBHOOKS_WRITE)
        return DeliveryView.of(await services.webhooks.retry(workspace_id, webhook_id, delivery_id))

    return router
