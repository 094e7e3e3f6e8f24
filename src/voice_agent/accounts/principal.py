"""Who asks."""

from dataclasses import dataclass
from enum import StrEnum

from voice_agent.storage.user_repository import ADMINISTRATOR


class PrincipalKind(StrEnum):
    """What somebody has shown to prove who he is."""

    OPEN = "open"
    """Nothing, and nothing is asked for (`VOICE_AGENT_AUTH=off`)."""
    USER = "user"
    SECRET_KEY = "secret_key"  # noqa: S105 - a name
    PUBLISHABLE_KEY = "publishable_key"
    SESSION = "session"
    """A session's token."""


class Role(StrEnum):
    """What a user is in his workspace."""

    ADMINISTRATOR = ADMINISTRATOR
    MEMBER = "member"


@dataclass(frozen=True)
class Principal:
    """Somebody whose credential was checked."""

    kind: PrincipalKind
    workspace_id: str
    id: str
    """Of the user, the key or the session."""
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    """The actions that a secret key is for."""
    agents: frozenset[str] = frozenset()
    """The agents that a key is for; empty for all."""
    origins: frozenset[str] = frozenset()
    """The sites whose pages may use a publishable key."""
    session_id: str | None = None
    max_sessions: int | None = None
    """How many sessions a key may have at once; None for no limit of its own."""
    sessions_per_minute: int | None = None
