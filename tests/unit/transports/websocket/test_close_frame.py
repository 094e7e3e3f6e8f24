import pytest

from voice_agent.transports.base import CloseReason
from voice_agent.transports.base_connection import Violation
from voice_agent.transports.websocket.close_frame import MAX_WORDS_BYTES, close_frame


@pytest.mark.parametrize("reason", CloseReason)
def test_every_reason_has_a_code_and_words_that_fit(reason: CloseReason) -> None:
    code, words = close_frame(reason, None)
    assert 1000 <= code < 5000
    assert 0 < len(words.encode()) <= MAX_WORDS_BYTES


def test_a_violation_is_told_instead_and_cut_between_characters() -> None:
    violation = Violation(CloseReason.FLOODING, "x" + "ü" * 100)
    code, words = close_frame(CloseReason.FAILED, violation)
    assert (code, words) == (1008, "x" + "ü" * 61)
