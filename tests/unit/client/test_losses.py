"""Which ends of a connection leave a session to come back to: the server's own words decide."""

import pytest

from voice_agent.client.errors import (
    CallDroppedError,
    CallError,
    CallRefusedError,
    CallTimeoutError,
    ServerUnreachableError,
)
from voice_agent.client.losses import ABNORMAL_CLOSURE, LOSING_CODES, invites_back, is_final
from voice_agent.transports.base import CloseReason
from voice_agent.transports.webrtc.connection import CLOSE_WORDS, LOST_WORDS
from voice_agent.transports.websocket.close_frame import CLOSE_CODES

RETURNS = {CloseReason.SERVER_STOPPING, CloseReason.FAILED, CloseReason.TRY_AGAIN_LATER}


def test_the_server_s_close_codes_say_whether_to_come_back() -> None:
    assert {reason for reason, (code, _) in CLOSE_CODES.items() if code in LOSING_CODES} == RETURNS
    assert ABNORMAL_CLOSURE in LOSING_CODES


def test_the_server_s_words_over_webrtc_say_whether_to_come_back() -> None:
    assert {reason for reason, words in CLOSE_WORDS.items() if invites_back(words)} == RETURNS
    assert invites_back(LOST_WORDS)
    assert not invites_back(""), "after a normal end nothing is said"


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (CallRefusedError("gone", 410), True),
        (CallRefusedError("no such session", 404), True),
        (CallRefusedError("not this token", 401), True),
        (CallRefusedError("not offered"), True),
        (CallDroppedError("the session is over", 1000), True),
        (CallRefusedError("busy", 503), False),
        (CallRefusedError("bad gateway", 502), False),
        (CallRefusedError("another process has it", 409), False),
        (CallRefusedError("slower", 429), False),
        (ServerUnreachableError("nothing listens there"), False),
        (CallTimeoutError("not ready"), False),
    ],
)
def test_what_ends_the_search(error: CallError, final: bool) -> None:
    assert is_final(error) is final
