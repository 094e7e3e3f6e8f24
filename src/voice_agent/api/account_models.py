"""What is said about users, keys and tokens. Checked before anything else sees it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from voice_agent.accounts.accounts import SignedIn
from voice_agent.accounts.authorize import Action, grants
from voice_agent.accounts.key_text import KeyKind
from voice_agent.accounts.keys import KeyWish, NewKey
from voice_agent.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from voice_agent.accounts.principal import Principal, PrincipalKind, Role
from voice_agent.accounts.tokens import ACCESS_S
from voice_agent.accounts.users import MAX_EMAIL_LENGTH
from voice_agent.api.views import moment
from voice_agent.core.agent import AGENT_ID_PATTERN
from voice_agent.core.pages import MAX_CURSOR_LENGTH
from voice_agent.storage.tables import KeyRow, UserRow

Email = Annotated[str, Field(min_length=3, max_length=MAX_EMAIL_LENGTH)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[SecretStr, Field(max_length=MAX_LENGTH)]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        description=f"At least {MIN_LENGTH} characters.",
    ),
]
Token = Annotated[str, Field(min_length=1, max_length=1000)]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before."),
]
Count = Annotated[int, Field(ge=1, le=100_000)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInRequest(_Request):
    """Who wants to sign in."""

    email: Email
    password: Password


class RefreshRequest(_Request):
    """Who wants a further access token."""

    refresh_token: Token


class PasswordRequest(_Request):
    """A new password for oneself."""

    current_password: Password
    new_password: NewPassword


class SetupRequest(_Request):
    """The first administrator."""

    token: Token = Field(description="From the link in the server's log.")
    email: Email
    name: Name
    password: NewPassword


class UserRequest(_Request):
    """A new user."""

    email: Email
    name: Name
    role: Role = Role.MEMBER
    password: NewPassword


class UserChange(_Request):
    """What is to be different about a user; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    password: NewPassword | None = Field(
        default=None, description="Makes all tokens of the user invalid."
    )


class KeyRequest(_Request):
    """A new key."""

    kind: KeyKind = KeyKind.SECRET
    name: Name
    scopes: Annotated[frozenset[Action], Field(max_length=len(Action))] = Field(
        default=frozenset(), description="What a secret key may do."
    )
    agents: Annotated[
        list[Annotated[str, Field(pattern=f"^{AGENT_ID_PATTERN}$", max_length=64)]],
        Field(max_length=100),
    ] = Field(default=[], description="The agents that it is for; all if empty.")
    origins: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=100)
    ] = Field(default=[], description="The sites whose pages may use a publishable key.")
    max_sessions: Count | None = Field(default=None, description="How many at once.")
    sessions_per_minute: Count | None = None
    expires_at: AwareDatetime | None = Field(default=None, description="Never if not given.")

    def to_wish(self) -> KeyWish:
        """Return it as `Keys` takes it."""
        return KeyWish(
            kind=self.kind,
            name=self.name,
            scopes=self.scopes,
            agents=tuple(self.agents),
            origins=tuple(self.origins),
            max_sessions=self.max_sessions,
            sessions_per_minute=self.sessions_per_minute,
            expires_at=None if self.expires_at is None else self.expires_at.timestamp(),
        )


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
