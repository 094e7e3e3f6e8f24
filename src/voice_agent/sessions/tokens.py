"""Session tokens: signed, so that any process with the key can check them."""

import math
from collections.abc import Callable

from itsdangerous import BadSignature, URLSafeSerializer

from voice_agent.core.errors import TokenInvalidError

_SALT = "voice-agent.session-token.v1"


class SessionTokens:
    """Makes and checks the tokens that let a client into its session.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, secret_key: str, wall_time: Callable[[], float]) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt=_SALT)
        self._wall_time = wall_time

    def issue(self, session_id: str, expires_at: float) -> str:
        """Return a token for the session, good until `expires_at` in seconds of wall time."""
        token = self._serializer.dumps([session_id, math.ceil(expires_at)])
        return token if isinstance(token, str) else token.decode()

    def session_id_of(self, token: str) -> str:
        """Return whose token it is.

        Raises:
            TokenInvalidError: It was not made with our key, or is expired.
        """
        try:
            session_id, expires_at = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError):
            raise TokenInvalidError(
                "this session token is not valid; start a session to get one"
            ) from None
        if self._wall_time() >= expires_at:
            raise TokenInvalidError("this session token is expired; start a new session")
        return str(session_id)
