"""Time-limited credentials from a secret that is shared with a TURN server. Pure.

The TURN REST convention, which coturn has as `use-auth-secret`: the user name says when it ends
and whose it is, the password is the HMAC-SHA1 of the user name.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TurnCredentials:
    """What is shown to a TURN server."""

    username: str
    credential: str = field(repr=False)


def turn_credentials(secret: str, session_id: str, expires_at: float) -> TurnCredentials:
    """Return the credentials of a session.

    Args:
        secret: What this server shares with the TURN server.
        session_id: Whose they are; it shows in the TURN server's log.
        expires_at: When they end, in seconds since the epoch.
    """
    username = f"{int(expires_at)}:{session_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredentials(username, base64.b64encode(digest).decode())
