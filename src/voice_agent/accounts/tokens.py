"""Access and refresh tokens of users: signed, so that any process with the key can check them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer

from voice_agent.accounts.prefixes import ACCESS_PREFIX, REFRESH_PREFIX
from voice_agent.core.account_errors import CredentialInvalidError

ACCESS_S: Final = 15 * 60
"""How long an access token is good, in seconds."""
REFRESH_S: Final = 12 * 3600
"""How long a refresh token is: after that its user has to sign in again."""
_FIELDS: Final = 2


@dataclass(frozen=True)
class TokenClaim:
    """What a token says: whose it is, and when it was issued, in seconds of wall time."""

    user_id: str
    issued_at: float


class UserTokens:
    """Makes and checks the tokens of users.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, secret_key: str, wall_time: Callable[[], float]) -> None:
        # A salt of its own for each kind, so that none passes for another.
        self._access = URLSafeSerializer(secret_key, salt="voice-agent.access-token.v1")
        self._refresh = URLSafeSerializer(secret_key, salt="voice-agent.refresh-token.v1")
        self._wall_time = wall_time

    def issue_access(self, user_id: str) -> str:
        """Return a token that lets `user_id` use the API for `ACCESS_S` seconds."""
        return ACCESS_PREFIX + self._issue(self._access, user_id)

    def issue_refresh(self, user_id: str) -> str:
        """Return a token that gets further access tokens for `REFRESH_S` seconds."""
        return REFRESH_PREFIX + self._issue(self._refresh, user_id)

    def read_access(self, token: str) -> TokenClaim:
        """Return what an access token says; raise CredentialInvalidError unless it is good."""
        mend = "sign in again, or POST /v1/auth/refresh"
        return self._read(self._access, token, ACCESS_PREFIX, ACCESS_S, "access token", mend)

    def read_refresh(self, token: str) -> TokenClaim:
        """Return what a refresh token says; raise CredentialInvalidError unless it is good."""
        mend = "sign in again"
        return self._read(self._refresh, token, REFRESH_PREFIX, REFRESH_S, "refresh token", mend)

    def _issue(self, serializer: URLSafeSerializer, user_id: str) -> str:
        token = serializer.dumps([user_id, self._wall_time()])
        return token if isinstance(token, str) else token.decode()

    def _read(
        self,
        serializer: URLSafeSerializer,
        token: str,
        prefix: str,
        good_s: float,
        what: str,
        mend: str,
    ) -> TokenClaim:
        try:
            said: Any = serializer.loads(token.removeprefix(prefix))
        except (BadSignature, ValueError):
            said = None
        if not token.startswith(prefix) or not isinstance(said, list) or len(said) != _FIELDS:
            raise CredentialInvalidError(f"this {what} is not valid; {mend}")
        claim = TokenClaim(str(said[0]), float(said[1]))
        if self._wall_time() >= claim.issued_at + good_s:
            raise CredentialInvalidError(f"this {what} is expired; {mend}")
        return claim
