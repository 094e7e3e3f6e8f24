"""The body of a request, as far as it has to be known to say where it belongs. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

from voice_agent.cluster.request_head import RequestHead
from voice_agent.core.wire_limits import MAX_BODY_BYTES

_LONGEST_SIZE_LINE: Final = 64


def read_body(head: RequestHead, received: bytes) -> bytes | None:
    """Return the body of the request that `received` is, None while more has to come.

    A body that no process would take is not waited for: what is there of it is returned.
    """
    rest = received[head.length :]
    if head.headers.get("transfer-encoding", "").lower() == "chunked":
        return _unchunked(rest)
    length = head.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > len(str(MAX_BODY_BYTES)):
        return rest
    wanted = int(length)
    return rest[:wanted] if len(rest) >= wanted or wanted > MAX_BODY_BYTES else None


def fields_in(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object that `body` is, an empty one when it is none."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def peer_of(fields: Mapping[str, Any]) -> str | None:
    """Return the `pc_id` of a WebRTC offer or of candidates, None when there is none."""
    peer = fields.get("pc_id")
    return peer if isinstance(peer, str) and peer else None


def peer_in(body: bytes) -> str | None:
    """Return the same of a body."""
    return peer_of(fields_in(body))


def _unchunked(rest: bytes) -> bytes | None:
    """Return what chunks (RFC 9112, 7.1) hold, None while the last has not come."""
    body, position = bytearray(), 0
    while len(body) <= MAX_BODY_BYTES:
        end = rest.find(b"\r\n", position)
        if end < 0:
            return None if len(rest) - position <= _LONGEST_SIZE_LINE else bytes(body)
        try:
            size = int(rest[position:end].partition(b";")[0], 16)
        except ValueError:
            return bytes(body)
        if size <= 0:
            return bytes(body)
        if size > MAX_BODY_BYTES:
            return bytes(body)
        begin = end + 2
        if len(rest) < begin + size + 2:
            return None
        body += rest[begin : begin + size]
        position = begin + size + 2
    return bytes(body)
