"""What is shown of users, keys and tokens."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from voice_agent.accounts.accounts import SignedIn
from voice_agent.accounts.authorize import Action, grants
from voice_agent.accounts.key_text import KeyKind
from voice_agent.accounts.keys import NewKey
from voice_agent.accounts.principal import Principal, PrincipalKind, Role
from voice_agent.accounts.tokens import ACCESS_S
from voice_agent.api.views import moment
from voice_agent.storage.tables import KeyRow, UserRow


class UserView(BaseModel):
    """A user."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, user: UserRow) -> "UserView":
        """Return the view of `user`."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            role=Role(user.role),
            created_at=moment(user.created_at),
        )


class UserList(BaseModel):
    """A page of users, newest first."""

    users: list[UserView]
    next_cursor: str | None


class SignedInView(BaseModel):
    """Tokens for a user who has signed in."""

    access_token: str = Field(description="For 'Authorization: Bearer'.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - its name
    expires_in: int = Field(default=ACCESS_S, description="Seconds.")
    refresh_token: str = Field(description="For /v1/auth/refresh. Keep it secret.")
    user: UserView

    @classmethod
    def of(cls, signed_in: SignedIn) -> "SignedInView":
        """Return the view of a user and his tokens."""
        return cls(
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            user=UserView.of(signed_in.user),
        )


class PrincipalView(BaseModel):
    """Who asks, and what he may do."""

    kind: PrincipalKind
    id: str
    workspace_id: str
    scopes: list[Action]
    agents: list[str] = Field(description="The agents that a key is for; all if empty.")
    user: UserView | None

    @classmethod
    def of(cls, principal: Principal, user: UserRow | None) -> "PrincipalView":
        """Return the view of `principal`, who is `user` if he is one."""
        return cls(
            kind=principal.kind,
            id=principal.id,
            workspace_id=principal.workspace_id,
            scopes=sorted(grants(principal)),
            agents=sorted(principal.agents),
            user=None if user is None else UserView.of(user),
        )


class KeyView(BaseModel):
    """A key, without what is secret of it."""

    id: str
    kind: KeyKind
    name: str
    hint: str = Field(description="Its first and last characters.")
    scopes: list[str]
    agents: list[str]
    origins: list[str]
    max_sessions: int | None
    sessions_per_minute: int | None
    created_at: datetime
    created_by: str | None = Field(description="The user or the key that made it.")
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, key: KeyRow) -> "KeyView":
        """Return the view of `key`."""
        return cls(**_fields(key))


class NewKeyView(KeyView):
    """A key that was just made."""

    key: str = Field(description="The key itself. It is shown this once and not kept.")

    @classmethod
    def of_new(cls, new: NewKey) -> "NewKeyView":
        """Return the view of a new key."""
        return cls(**_fields(new.row), key=new.text)


class KeyList(BaseModel):
    """A page of keys, newest first; revoked ones too."""

    keys: list[KeyView]
    next_cursor: str | None


def _fields(key: KeyRow) -> dict[str, Any]:
    times = {
        name: None if (at := getattr(key, name)) is None else moment(at)
        for name in ("created_at", "expires_at", "revoked_at", "last_used_at")
    }
    names = set(KeyView.model_fields) - times.keys()
    return {name: getattr(key, name) for name in names} | times
