"""The beginning of a request, as it comes: whole, in pieces, endless, or nothing of the kind."""

import pytest

from voice_agent.cluster.request_head import MAX_HEAD_BYTES, HeadFault, RequestHead, read_head

GET = (
    b"GET /ws%2Dclient?token=a%2Eb&token=c&x= HTTP/1.1\r\nHost: here\r\nUpgrade: WebSocket\r\n"
    b"Authorization: bearer  abc \r\nX-Twice: one\r\nx-twice: two\r\n\r\n"
)


def head_of(received: bytes) -> RequestHead:
    head = read_head(received)
    assert isinstance(head, RequestHead)
    return head


def test_a_head_is_read() -> None:
    head = head_of(GET)
    assert (head.method, head.path, head.length) == ("GET", "/ws-client", len(GET))
    assert head.query == {"token": "a.b"}
    assert head.headers["x-twice"] == "one"
    assert head.is_websocket
    assert head.bearer == "abc"


def test_it_is_incomplete_until_its_last_byte() -> None:
    for length in range(len(GET)):
        assert read_head(GET[:length]) is HeadFault.INCOMPLETE, GET[:length]


def test_what_follows_is_left_alone() -> None:
    assert head_of(GET + b"GET /other HTTP/1.1\r\n\r\n") == head_of(GET)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"hello\r\n",
        b"get / HTTP/1.1\r\n",
        b"GET / HTTP/3\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"\r\n\r\n",
        b"X" * 40,
    ],
)
def test_garbage_is_known_as_soon_as_it_can_be(garbage: bytes) -> None:
    assert read_head(garbage) is HeadFault.NOT_HTTP


def test_a_head_without_end_is_too_large() -> None:
    begin = b"GET / HTTP/1.1\r\nCookie: "
    assert read_head(begin + b"x" * MAX_HEAD_BYTES) is HeadFault.TOO_LARGE
    assert read_head(begin + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n") is HeadFault.TOO_LARGE
    assert read_head(begin + b"x" * (MAX_HEAD_BYTES - 100)) is HeadFault.INCOMPLETE
    assert read_head(b"GET /" + b"x" * MAX_HEAD_BYTES) is HeadFault.TOO_LARGE


def test_a_query_that_cannot_be_read_is_none() -> None:
    query = b"&".join(b"a=1" for _ in range(200))
    assert head_of(b"GET /?" + query + b" HTTP/1.1\r\n\r\n").query == {}
    assert head_of(b"GET /?%ff=%fe HTTP/1.0\r\n\r\n").path == "/"
