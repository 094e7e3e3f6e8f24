"""What a close frame says (RFC 6455, 7.4)."""

from collections.abc import Mapping
from types import MappingProxyType

from voice_agent.transports.base import CloseReason
from voice_agent.transports.base_connection import Violation

GOODBYES = frozenset({1000, 1001, 1005})
"""Close codes by which a client says goodbye (RFC 6455, 7.4.1; 1005: a close without a code)."""

CLOSE_CODES: Mapping[CloseReason, tuple[int, str]] = MappingProxyType(
    {
        CloseReason.NORMAL: (1000, "the session is over"),
        CloseReason.SERVER_STOPPING: (1012, "the server is stopping, connect again"),
        CloseReason.TRY_AGAIN_LATER: (1013, "no capacity for this call, try again later"),
        CloseReason.FAILED: (1011, "the call failed, connect again"),
        CloseReason.DISPLACED: (4409, "a newer connection took the session over"),
        CloseReason.LOST_RACE: (4410, "another connection of this attempt carries the call"),
        CloseReason.SILENT: (4408, "nothing arrived on this connection"),
        CloseReason.IDLE: (4411, "the session was idle for too long"),
        CloseReason.MAX_DURATION: (4412, "the session reached its longest duration"),
        CloseReason.UNSUPPORTED_DATA: (1003, "unsupported data"),
        CloseReason.INVALID_PAYLOAD: (1007, "invalid payload"),
        CloseReason.FLOODING: (1008, "too much data"),
    }
)
"""Close code and words for each reason; from 4000 on our own."""
MAX_WORDS_BYTES = 123
"""A close frame holds 125 bytes, two of them the code (RFC 6455, 5.5)."""


def close_frame(reason: CloseReason, violation: Violation | None) -> tuple[int, str]:
    """Return the code and the words for `reason`, or for the violation where there was one."""
    if violation is None:
        return CLOSE_CODES[reason]
    words = violation.detail.encode()[:MAX_WORDS_BYTES].decode(errors="ignore")
    return CLOSE_CODES[violation.reason][0], words
