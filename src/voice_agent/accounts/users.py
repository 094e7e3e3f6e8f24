"""Users: made, listed, changed, deleted, and recognised by their password."""

import re
import secrets
from typing import Any, Final

from voice_agent.accounts.passwords import Passwords
from voice_agent.accounts.principal import Principal, PrincipalKind, Role
from voice_agent.accounts.short_memory import ShortMemory
from voice_agent.accounts.token_buckets import TokenBuckets
from voice_agent.accounts.tokens import TokenClaim
from voice_agent.core.account_errors import (
    AccountInvalidError,
    CredentialInvalidError,
    SignInRefusedError,
    TooManyRequestsError,
)
from voice_agent.core.clock import Clock
from voice_agent.core.pages import Page
from voice_agent.storage.tables import UserRow
from voice_agent.storage.user_repository import UserRepository

ATTEMPTS_PER_EMAIL: Final = 10
ATTEMPTS_PER_ADDRESS: Final = 30
"""How often a minute somebody may try to sign in, in one process."""
MAX_EMAIL_LENGTH: Final = 320
EMAIL_PATTERN: Final = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
_ID_BYTES: Final = 12


class Users:
    """All users."""

    def __init__(self, repository: UserRepository, passwords: Passwords, clock: Clock) -> None:
        self._repository = repository
        self._passwords = passwords
        self._clock = clock
        self._memory = ShortMemory(repository.find, clock.monotonic)
        self._by_email, self._by_address = (
            TokenBuckets(burst=attempts, per_minute=attempts, monotonic=clock.monotonic)
            for attempts in (ATTEMPTS_PER_EMAIL, ATTEMPTS_PER_ADDRESS)
        )

    async def create(
        self,
        workspace_id: str,
        *,
        email: str,
        name: str,
        role: Role,
        password: str,
        is_first: bool = False,
    ) -> UserRow:
        """Make a user.

        Args:
            workspace_id: Where.
            email: What he signs in with; capital letters do not matter.
            name: What people call him.
            role: What he may do.
            password: What else he signs in with.
            is_first: Refuse when there is any user.

        Raises:
            AccountInvalidError: Email or password cannot be used.
            EmailTakenError: There is a user with that address.
            SetupDoneError: He was to be the first, and is not.
        """
        user = UserRow(
            id=f"user_{secrets.token_hex(_ID_BYTES)}",
            workspace_id=workspace_id,
            email=_normal_email(email),
            name=name,
            role=role.value,
            password_hash=await self._passwords.hash(password),
            created_at=self._clock.wall(),
            tokens_valid_from=0.0,
        )
        await (self._repository.add_first(user) if is_first else self._repository.add(user))
        return user

    async def any_exists(self) -> bool:
        """Return whether there is any user."""
        return await self._repository.any_exists()

    async def list(self, workspace_id: str, limit: int, cursor: str | None) -> Page[UserRow]:
        """Return up to `limit` users, newest first, that stand behind `cursor`.

        Raises:
            CursorInvalidError: No page has ended with that cursor.
        """
        return await self._repository.list(workspace_id, limit, cursor)

    async def read(self, workspace_id: str, user_id: str) -> UserRow:
        """Return the user, or raise UserNotFoundError."""
        return await self._repository.read(workspace_id, user_id)

    async def change(
        self,
        workspace_id: str,
        user_id: str,
        *,
        name: str | None = None,
        role: Role | None = None,
        password: str | None = None,
    ) -> UserRow:
        """Change what is given, and return the user as he is then.

        A new password makes all earlier tokens invalid.

        Raises:
            UserNotFoundError: That workspace has no user with the id.
            LastAdministratorError: Nobody could administer the workspace any more.
            AccountInvalidError: The password cannot be used.
        """
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = name
        if role is not None:
            changes["role"] = role.value
        if password is not None:
            changes["password_hash"] = await self._passwords.hash(password)
            changes["tokens_valid_from"] = self._clock.wall()
        user = await self._repository.change(workspace_id, user_id, changes)
        self._memory.forget(user_id)
        return user

    async def delete(self, workspace_id: str, user_id: str) -> None:
        """Remove a user; raise UserNotFoundError, or LastAdministratorError when he is that."""
        await self._repository.delete(workspace_id, user_id)
        self._memory.forget(user_id)

    async def sign_in(self, email: str, password: str, address: str) -> UserRow:
        """Return the user with that email and password. An unknown email takes as long as a known.

        Args:
            email: His email.
            password: His password.
            address: Where the request comes from.

        Raises:
            SignInRefusedError: They do not belong together.
            TooManyRequestsError: There were too many attempts for that email or from there.
        """
        email = email.strip().lower()
        wait_s = self._by_address.take(address) or self._by_email.take(email)
        if wait_s:
            raise TooManyRequestsError("too many attempts to sign in; try again later", wait_s)
        user = await self._repository.find_by_email(email)
        known = None if user is None else user.password_hash
        if not await self._passwords.verify(known, password) or user is None or known is None:
            raise SignInRefusedError("no user has this email and password")
        self._by_email.fill(email)
        if self._passwords.is_outdated(known):
            changes = {"password_hash": await self._passwords.hash(password)}
            user = await self._repository.change(user.workspace_id, user.id, changes)
        return user

    async def sign_out(self, workspace_id: str, user_id: str) -> None:
        """Make all tokens of the user invalid, everywhere."""
        changes = {"tokens_valid_from": self._clock.wall()}
        await self._repository.change(workspace_id, user_id, changes)
        self._memory.forget(user_id)

    async def holder_of(self, claim: TokenClaim) -> UserRow:
        """Return whose token it is; raise CredentialInvalidError when it counts no more."""
        user = await self._memory.get(claim.user_id)
        if user is None or claim.issued_at <= user.tokens_valid_from:
            raise CredentialInvalidError("this token is from before a sign-out; sign in again")
        return user


def principal_of_user(user: UserRow) -> Principal:
    """Return `user` as who asks."""
    return Principal(
        kind=PrincipalKind.USER,
        workspace_id=user.workspace_id,
        id=user.id,
        role=Role(user.role),
    )


def _normal_email(email: str) -> str:
    normal = email.strip().lower()
    if len(normal) > MAX_EMAIL_LENGTH or not re.match(EMAIL_PATTERN, normal):
        raise AccountInvalidError(f"'{email[:100]}' is not an email address")
    return normal
