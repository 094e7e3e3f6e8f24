"""Whether, and how often, a client whose connection ended tries to get it back. Pure."""

import random
from collections.abc import Iterator
from typing import Final

CONNECTION_LOST: Final = "the connection was lost"
"""What a medium says of an end that nobody announced."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
_GROWTH: Final = 1.7
_COME_BACK_CODES: Final = frozenset({1006, 1011, 1012, 1013})
"""WebSocket close codes (RFC 6455, 7.4.1): lost, failed, restarting, try again later."""
_COME_BACK_WORDS: Final = ("connect again", "try again later")
"""How the server ends what it says over WebRTC, which has no codes."""
OVER_STATUSES: Final = frozenset({401, 404, 410})
"""With these a server says that there is nothing to come back to."""


def may_come_back(reason: str, close_code: int | None, last_words: str | None) -> bool:
    """Returns whether the session may go on after an end of its connection.

    Args:
        reason: What the medium says of it.
        close_code: The WebSocket close code, None on WebRTC.
        last_words: The server's last fatal error on this connection, None when it named none.
    """
    if close_code is not None:
        return close_code in _COME_BACK_CODES
    if last_words is not None:
        return last_words.endswith(_COME_BACK_WORDS)
    return reason == CONNECTION_LOST


def pauses() -> Iterator[float]:
    """Gives the seconds to wait before each further try: longer each time, with some chance.

    So that the clients of a server that died do not all come at the same moments.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s * random.uniform(0.7, 1.3)  # noqa: S311 - nothing secret
        pause_s = min(pause_s * _GROWTH, LONGEST_PAUSE_S)
