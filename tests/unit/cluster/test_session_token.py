"""A session's token can be read by who has no key, and nothing that a client makes up hurts."""

import base64
import zlib

import pytest

from voice_agent.cluster.session_token import session_in
from voice_agent.core.process_ids import new_id
from voice_agent.sessions.tokens import SessionTokens

KEY = "k" * 32


def test_the_tokens_that_are_issued_can_be_read() -> None:
    tokens = SessionTokens(KEY, lambda: 0.0)
    for session_id in (new_id("p1"), "p3." + "a" * 300):
        assert session_in(tokens.issue(session_id, 10.0)) == session_id
    assert tokens.issue("p3." + "a" * 300, 10.0).startswith("."), "it is compressed"


def packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "...",
        "abc",
        "abc.def",
        "é.x",
        packed(b'{"a": 1}') + ".s",
        packed(b"[]") + ".s",
        packed(b"[7, 8]") + ".s",
        packed(b"[" * 2000) + ".s",
        "." + packed(b"no zlib") + ".s",
        "." + packed(zlib.compress(b" " * 10_000_000)) + ".s",
        "x" * 5000 + ".s",
    ],
)
def test_others_say_nothing(token: str) -> None:
    assert session_in(token) is None
