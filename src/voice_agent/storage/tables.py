"""The tables: what is kept of workspaces, accounts, agents, sessions and webhooks.

Times are seconds since the Unix epoch, as everywhere in this project. Every row belongs to a
workspace, by itself or through what it belongs to.
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables share: how their constraints are called, and how Python's types are kept."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way to declare it
        float: Double,
        str: String,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


def _workspace() -> Mapped[str]:
    return mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))


class WorkspaceRow(Base):
    """Who shares agents, sessions and keys."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[float]


class UserRow(Base):
    """Who may sign in; `email` is kept in lower case."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(32))
    password_hash: Mapped[str | None] = mapped_column(String(400))
    created_at: Mapped[float]
    tokens_valid_from: Mapped[float] = mapped_column(default=0.0)
    """Tokens that were issued earlier are refused: after a new password, or a sign-out."""

    __table_args__ = (Index(None, "workspace_id", "created_at"),)


class KeyRow(Base):
    """A secret or publishable key: of what was shown once, only the SHA-256 digest is kept."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(32))
    """Its first and last characters, to be told apart from others."""
    scopes: Mapped[list[str]]
    agents: Mapped[list[str]]
    """Ids of the agents that it may start; empty for all."""
    origins: Mapped[list[str]]
    max_sessions: Mapped[int | None]
    sessions_per_minute: Mapped[int | None]
    created_at: Mapped[float]
    created_by: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
    last_used_at: Mapped[float | None]

    __table_args__ = (Index(None, "workspace_id", "created_at"),)


class AgentRow(Base):
    """An agent that was made over the API: which of its versions counts."""

    __tablename__ = "agents"

    workspace_id: Mapped[str] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int]
    """Of the current version, from 1 on."""
    created_at: Mapped[float]
    updated_at: Mapped[float]


class AgentVersionRow(Base):
    """One version of such an agent, never changed."""

    __tablename__ = "agent_versions"

    workspace_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[float]

    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "agent_id"],
            ["agents.workspace_id", "agents.id"],
            ondelete="CASCADE",
            name="fk_agent_versions_agent",
        ),
    )


class CheckpointRow(Base):
    """A session's last checkpoint and its owner; see `core.session_store`."""

    __tablename__ = "checkpoints"

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    epoch: Mapped[int]
    created_at: Mapped[float] = mapped_column(index=True)
    written_at: Mapped[float]
    """When it was last written, or its owner last said that it lives."""
    is_over: Mapped[bool] = mapped_column(default=False)
    agent: Mapped[str] = mapped_column(Text)
    """The agent in JSON, which a session keeps as it began with."""
    content: Mapped[str] = mapped_column(Text)
    """All the rest of the checkpoint, in JSON."""

    __table_args__ = (Index(None, "is_over", "written_at"),)


class SessionRow(Base):
    """What is remembered of a session, while it runs and afterwards."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    epoch: Mapped[int]
    """Of the ownership that wrote it last; one with an older epoch writes no more."""
    agent_id: Mapped[str] = mapped_column(String(64))
    agent_name: Mapped[str] = mapped_column(String(200))
    agent_version: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(32))
    end_reason: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[float]
    connected_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    key_id: Mapped[str | None] = mapped_column(String(64))
    """The key that it was made with."""
    legs: Mapped[int] = mapped_column(default=0)
    turns: Mapped[int] = mapped_column(default=0)
    details: Mapped[dict[str, Any]]
    """What who made it noted of it (`metadata`)."""

    __table_args__ = (
        Index(None, "key_id", "created_at"),
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "agent_id", "created_at", "id"),
        Index(None, "ended_at"),
    )


class TurnRow(Base):
    """One turn of a session; without text where transcripts are not kept."""

    __tablename__ = "turns"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    speaker: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[float]
    text: Mapped[str | None] = mapped_column(Text)


class EventRow(Base):
    """One event of a session; its latencies are among them."""

    __tablename__ = "session_events"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    wall_time: Mapped[float]
    kind: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]


class WebhookRow(Base):
    """Where somebody wants to be told what happens to sessions."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[str] = _workspace()
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[str]]
    secret: Mapped[str] = mapped_column(String(200))
    """Signs what is sent, so it has to be kept as it is."""
    enabled: Mapped[bool]
    created_at: Mapped[float]

    __table_args__ = (Index(None, "workspace_id", "created_at"),)


class DeliveryRow(Base):
    """One message to a webhook, and how far it came."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    session_id: Mapped[str] = mapped_column(String(64), index=True)
    event: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int]
    next_attempt_at: Mapped[float | None] = mapped_column(index=True)
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[float]
    delivered_at: Mapped[float | None]

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts"),
        UniqueConstraint("webhook_id", "session_id", "event"),
        Index(None, "webhook_id", "created_at"),
    )


class ServerRow(Base):
    """A server that others forward requests to."""

    __tablename__ = "servers"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    beat_at: Mapped[float]
    """When it last said, by its own clock, that it lives: others look whether that changes."""


class IdempotencyRow(Base):
    """What was answered to a request with an idempotency key, to answer the same again."""

    __tablename__ = "idempotency_keys"

    workspace_id: Mapped[str] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True
    )
    caller: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Who sent it: two callers may choose the same key."""
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the request: another request with the same key is a mistake."""
    status: Mapped[int | None]
    """None while the first one is at work."""
    answer: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(index=True)
