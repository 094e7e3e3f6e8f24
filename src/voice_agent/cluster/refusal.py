"""What the supervisor itself answers, when no process can. Pure."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

RETRY_AFTER_S: Final = 2
"""Seconds until a process that ended is there again, as a rule."""
_TYPE: Final = "urn:voice-agent:problem:"
_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_ready": "Not ready for calls",
        "head_too_large": "The request is too large",
        "request_timeout": "The request did not come",
    }
)


def refusal(status: HTTPStatus, code: str, detail: str) -> bytes:
    """Return a whole HTTP response: a problem document (RFC 9457), as the API's are."""
    document = {
        "type": _TYPE + code,
        "title": _TITLES[code],
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    body = json.dumps(document).encode()
    retry = f"Retry-After: {RETRY_AFTER_S}\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n{retry}Connection: close\r\n\r\n"
    )
    return head.encode() + body


NOBODY_READY: Final = refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "not_ready",
    "no process of this server can take the request now; try again in a moment",
)
STOPPING: Final = refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", "the server is stopping; try another one"
)
HEAD_TOO_LARGE: Final = refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    "the address and the headers are longer than this server reads; send fewer cookies",
)
TOO_SLOW: Final = refusal(
    HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "the request did not come in time; send it again"
)
