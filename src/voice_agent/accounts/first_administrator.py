"""How the first administrator comes into a database without users: by a link with a token."""

from collections.abc import Callable
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from voice_agent.accounts.prefixes import SETUP_PREFIX
from voice_agent.core.account_errors import CredentialInvalidError

GOOD_S: Final = 24 * 3600
"""How long the link is good, in seconds; the next start gives another one."""
_SALT: Final = "voice-agent.first-administrator.v1"


class SetupTokens:
    """Makes and checks the token of that link. Signed, so any process with the key can check it.

    That it works only once is seen to by who makes the user: it must be the first.
    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, secret_key: str, wall_time: Callable[[], float]) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt=_SALT)
        self._wall_time = wall_time

    def issue(self) -> str:
        """Return a token."""
        token = self._serializer.dumps(int(self._wall_time()))
        return SETUP_PREFIX + (token if isinstance(token, str) else token.decode())

    def check(self, token: str) -> None:
        """Do nothing when the token is good; else raise CredentialInvalidError."""
        try:
            issued_at = float(self._serializer.loads(token.removeprefix(SETUP_PREFIX)))
        except (BadSignature, ValueError, TypeError):
            raise CredentialInvalidError(
                "this setup link is not valid; the server's log has the one that is"
            ) from None
        if self._wall_time() >= issued_at + GOOD_S:
            raise CredentialInvalidError("this setup link is expired; start the server again")


def setup_link(address: str, token: str) -> str:
    """Return the link for the console at `address`; what follows '#' is never sent to a server."""
    return f"{address.rstrip('/')}/#setup={token}"
