"""Which ends of a connection leave a session to come back to, and which do not. Pure."""

import re
from http import HTTPStatus

from voice_agent.client.errors import CallDroppedError, CallError, CallRefusedError

SILENT_AFTER_S = 3.0
"""Seconds without a packet of the server after which a client that comes back takes it for gone.

What a client sends each second is acknowledged, so that a server that is there is never silent."""

ABNORMAL_CLOSURE = 1006
LOSING_CODES = frozenset({1001, ABNORMAL_CLOSURE, 1011, 1012, 1013})
"""WebSocket close codes (RFC 6455, 7.4.1, and the IANA registry) that end a connection and not
its session: going away, cut off, failed, restarting, busy."""

_PASSING_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


def invites_back(words: str) -> bool:
    """Whether a server that closes a WebRTC connection with these words wants its client back.

    Those that do end in "connect again" or "try again later".
    """
    return re.search(r"\b(connect again|try again later)\W*$", words) is not None


def is_final(error: CallError) -> bool:
    """Whether an attempt that failed so shows that there is no session to come back to."""
    if isinstance(error, CallDroppedError):
        return True
    if not isinstance(error, CallRefusedError):
        return False
    status = error.status
    return status is None or (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in _PASSING_STATUSES
    )
