"""Users, keys and tokens together: what the other rooms ask."""

from dataclasses import dataclass

from voice_agent.accounts.first_administrator import SetupTokens
from voice_agent.accounts.key_text import KeyKind
from voice_agent.accounts.keys import Keys
from voice_agent.accounts.origin_book import OriginBook
from voice_agent.accounts.passwords import Passwords
from voice_agent.accounts.prefixes import KEY_PREFIX
from voice_agent.accounts.principal import Principal, Role
from voice_agent.accounts.tokens import UserTokens
from voice_agent.accounts.users import Users, principal_of_user
from voice_agent.core.clock import Clock
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database
from voice_agent.storage.key_repository import KeyRepository
from voice_agent.storage.tables import UserRow
from voice_agent.storage.user_repository import UserRepository


@dataclass(frozen=True)
class SignedIn:
    """A user who has just signed in, and his tokens."""

    user: UserRow
    access_token: str
    refresh_token: str


class Accounts:
    """Knows who somebody is by what he brings.

    Args:
        database: Where users and keys are.
        secret_key: Signs tokens; the same in all processes.
        clock: What time it is.
    """

    def __init__(self, database: Database, secret_key: str, clock: Clock) -> None:
        keys = KeyRepository(database)

        async def origins() -> frozenset[str]:
            return await keys.origins(KeyKind.PUBLISHABLE.value, clock.wall())

        self._passwords = Passwords()
        self._tokens = UserTokens(secret_key, clock.wall)
        self._setup = SetupTokens(secret_key, clock.wall)
        self.origins = OriginBook(origins)
        self.keys = Keys(keys, clock, self.origins.refresh)
        self.users = Users(UserRepository(database), self._passwords, clock)

    async def start(self) -> None:
        """Read what must be known before the first request."""
        await self.origins.start()

    async def close(self) -> None:
        """Return when all is written and nothing runs any more."""
        await self.origins.close()
        await self.keys.close()
        self._passwords.close()

    async def authenticate(self, credential: str) -> Principal:
        """Return who brings the key or the access token; raise CredentialInvalidError if nobody."""
        if credential.startswith(KEY_PREFIX):
            return await self.keys.authenticate(credential)
        claim = self._tokens.read_access(credential)
        return principal_of_user(await self.users.holder_of(claim))

    async def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Return a user and new tokens; raises what `Users.sign_in` raises."""
        return self._signed_in(await self.users.sign_in(email, password, address))

    async def refresh(self, refresh_token: str) -> SignedIn:
        """Return a new access token beside the same refresh token.

        Raises:
            CredentialInvalidError: The refresh token is wrong or expired, or counts no more.
        """
        user = await self.users.holder_of(self._tokens.read_refresh(refresh_token))
        return SignedIn(user, self._tokens.issue_access(user.id), refresh_token)

    async def change_own_password(
        self, user: UserRow, current: str, new: str, address: str
    ) -> SignedIn:
        """Give `user` a new password and new tokens; his earlier ones count no more.

        Raises:
            SignInRefusedError: The current password is wrong.
            TooManyRequestsError: There were too many attempts.
            AccountInvalidError: The new password cannot be used.
        """
        await self.users.sign_in(user.email, current, address)
        changed = await self.users.change(user.workspace_id, user.id, password=new)
        return self._signed_in(changed)

    async def setup_token(self) -> str | None:
        """Return a token that makes the first administrator, None when there is a user."""
        return None if await self.users.any_exists() else self._setup.issue()

    async def set_up(self, token: str, *, email: str, name: str, password: str) -> SignedIn:
        """Make the first administrator of the default workspace, and sign him in.

        Raises:
            CredentialInvalidError: The token is wrong or expired.
            SetupDoneError: There is a user already.
            AccountInvalidError: Email or password cannot be used.
        """
        self._setup.check(token)
        user = await self.users.create(
            DEFAULT_WORKSPACE,
            email=email,
            name=name,
            role=Role.ADMINISTRATOR,
            password=password,
            is_first=True,
        )
        return self._signed_in(user)

    def _signed_in(self, user: UserRow) -> SignedIn:
        return SignedIn(
            user, self._tokens.issue_access(user.id), self._tokens.issue_refresh(user.id)
        )
