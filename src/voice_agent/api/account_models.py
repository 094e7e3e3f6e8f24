"""What is asked about users, keys and tokens. Checked before anything else sees it."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from voice_agent.accounts.authorize import Action
from voice_agent.accounts.key_text import KeyKind
from voice_agent.accounts.keys import KeyWish
from voice_agent.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from voice_agent.accounts.principal import Role
from voice_agent.accounts.users import EMAIL_PATTERN, MAX_EMAIL_LENGTH
from voice_agent.core.agent import AGENT_ID_PATTERN

Id = Annotated[str, Path(max_length=64, pattern=r"^[!-~]+$")]
Email = Annotated[str, Field(max_length=MAX_EMAIL_LENGTH, pattern=EMAIL_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
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
