"""The beginning of an HTTP request, read as far as it takes to know where it belongs. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, unquote

MAX_HEAD_BYTES: Final = 32 * 1024
"""A head is longer neither from a browser nor from a proxy."""
FORWARDED: Final = "voice-agent-forwarded"
"""The header with which one server forwards a request to another; see `passport`."""
_END: Final = b"\r\n\r\n"
_REQUEST_LINE: Final = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]")
_LONGEST_METHOD: Final = 16


class HeadFault(StrEnum):
    """Why there is no head."""

    INCOMPLETE = "incomplete"
    """More has to come."""
    TOO_LARGE = "too large"
    NOT_HTTP = "not http"


@dataclass(frozen=True)
class RequestHead:
    """What a request says before its body.

    Header names are in lower case; of a header that comes twice the first one counts.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    length: int
    """How many bytes it has, with the empty line at its end."""

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def bearer(self) -> str | None:
        """The credential of the Authorization header, None unless it is a bearer's."""
        scheme, _, credential = self.headers.get("authorization", "").partition(" ")
        return credential.strip() if scheme.lower() == "bearer" else None


def read_head(received: bytes) -> RequestHead | HeadFault:
    """Return the head that `received` begins with, or why there is none."""
    end = received.find(_END)
    if end > MAX_HEAD_BYTES or (end < 0 and len(received) > MAX_HEAD_BYTES):
        return HeadFault.TOO_LARGE
    line, line_ended, rest = received[: end if end >= 0 else None].partition(b"\r\n")
    if end < 0 and not line_ended:
        return HeadFault.INCOMPLETE if _may_become_a_line(line) else HeadFault.NOT_HTTP
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        return HeadFault.NOT_HTTP
    if end < 0:
        return HeadFault.INCOMPLETE
    target = found[2].decode("latin-1")
    path, _, query = target.partition("?")
    return RequestHead(
        method=found[1].decode(),
        path=unquote(path),
        query=_first_values(query),
        headers=_headers(rest),
        length=end + len(_END),
    )


def _may_become_a_line(line: bytes) -> bool:
    method, space, _ = line.partition(b" ")
    if b"\n" in line or (not space and len(method) > _LONGEST_METHOD):
        return False
    return not method or (method.isalpha() and method.isupper())


def _first_values(query: str) -> Mapping[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(query, max_num_fields=100).items()}
    except ValueError:
        return {}


def _headers(lines: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())
    return headers
