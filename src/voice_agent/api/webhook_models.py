"""What clients send about webhooks, and how these look from outside."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from voice_agent.api.views import moment
from voice_agent.observability.webhooks.listener import WebhookEvent
from voice_agent.storage.delivery_rows import Delivery, DeliveryState
from voice_agent.storage.webhook_rows import Webhook

SESSION_EVENTS = (WebhookEvent.STARTED, WebhookEvent.ENDED, WebhookEvent.FAILED)

Url = Annotated[str, Field(min_length=1, max_length=2000, description="Where to POST, over HTTPS.")]
Events = Annotated[
    list[WebhookEvent],
    Field(min_length=1, max_length=10, description="What to tell of."),
]


class WebhookRequest(BaseModel):
    """A new webhook."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    events: Events = list(SESSION_EVENTS)


class WebhookChange(BaseModel):
    """What is to change of a webhook."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


class WebhookView(BaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[str]
    enabled: bool = Field(description="False: nothing is sent, what is due waits.")
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookView":
        """Return the view of a webhook."""
        return cls(
            id=webhook.id,
            url=webhook.url,
            events=list(webhook.events),
            enabled=webhook.enabled,
            created_at=moment(webhook.created_at),
        )


class WebhookWithSecret(WebhookView):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="Signs what is sent, as Standard Webhooks has it.")

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookWithSecret":
        """Return the view of a webhook with its secret."""
        return cls(**WebhookView.of(webhook).model_dump(), secret=webhook.secret)


class WebhookList(BaseModel):
    """Webhooks, newest first."""

    webhooks: list[WebhookView]
    next_cursor: str | None


class DeliveryView(BaseModel):
    """A message to a webhook, and how far it came."""

    id: str = Field(description="Sent as `webhook-id`: the same with every attempt.")
    event: str
    session_id: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None = Field(description="What the target answered last, if it did.")
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Return the view of a delivery."""
        next_at, done_at = delivery.next_attempt_at, delivery.delivered_at
        return cls(
            id=delivery.id,
            event=delivery.event,
            session_id=delivery.session_id,
            state=DeliveryState(delivery.state),
            attempts=delivery.attempts,
            next_attempt_at=None if next_at is None else moment(next_at),
            last_status=delivery.last_status,
            last_error=delivery.last_error,
            created_at=moment(delivery.created_at),
            delivered_at=None if done_at is None else moment(done_at),
        )


class DeliveryList(BaseModel):
    """Messages to a webhook, newest first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None
