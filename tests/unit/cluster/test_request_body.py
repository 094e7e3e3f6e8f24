"""The body of a request: as long as it says, in chunks, or not worth waiting for."""

import pytest

from voice_agent.cluster.request_body import peer_in, read_body
from voice_agent.cluster.request_head import RequestHead, read_head
from voice_agent.core.wire_limits import MAX_BODY_BYTES


def body_of(headers: str, body: bytes) -> bytes | None:
    received = f"PATCH /api/offer HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body
    head = read_head(received)
    assert isinstance(head, RequestHead)
    return read_body(head, received)


def test_a_body_is_as_long_as_it_says() -> None:
    assert body_of("Content-Length: 4", b"abc") is None
    assert body_of("Content-Length: 4", b"abcdef") == b"abcd"
    assert body_of("Host: a", b"") == b""


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 30, "-1", "many", ""])
def test_a_body_that_no_process_takes_is_not_waited_for(length: str) -> None:
    assert body_of(f"Content-Length: {length}", b"abc") == b"abc"


def test_chunks_are_put_together() -> None:
    chunks = b'5\r\n{"pc_\r\n00A;x=y\r\nid": "p1.x\r\n2\r\n"}\r\n0\r\n\r\n'
    whole = body_of("Transfer-Encoding: chunked", chunks)
    assert whole == b'{"pc_id": "p1.x"}'
    last = chunks.index(b"0\r\n\r\n")
    for length in range(last):
        assert body_of("Transfer-Encoding: chunked", chunks[:length]) is None


@pytest.mark.parametrize("chunks", [b"x\r\n", b"-1\r\n", b"fffffff\r\n", b"1" * 100])
def test_chunks_that_are_none_are_not_waited_for(chunks: bytes) -> None:
    assert body_of("Transfer-Encoding: chunked", chunks) == b""


def test_chunks_without_end_are_not_waited_for() -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    assert body_of("Transfer-Encoding: chunked", chunk * 5) is not None


@pytest.mark.parametrize(
    ("body", "peer"),
    [
        (b'{"pc_id": "p1.abc", "candidates": []}', "p1.abc"),
        (b'{"pc_id": null}', None),
        (b'{"pc_id": 7}', None),
        (b'{"pc_id": ""}', None),
        (b'["pc_id"]', None),
        (b"not json", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
        (b"", None),
    ],
)
def test_the_peer_of_a_body(body: bytes, peer: str | None) -> None:
    assert peer_in(body) == peer
