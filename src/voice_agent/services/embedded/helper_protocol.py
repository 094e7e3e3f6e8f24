"""The messages between a helper process and us: pure, and cheap to import in the child.

A message is an 11-byte header (magic, kind, stream, payload length; big-endian) and its payload.
A stream is one conversation of one leg with the helper; the parent numbers them from 1 and ends
each with `CLOSE`. Stream 0 speaks for the helper as a whole. Kinds below `FIRST_OWN_KIND` are the
protocol's, the others mean what the helper's own module says.
"""

import struct
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">HBII")
_MAGIC: Final = 0x5641

HEADER_SIZE: Final = _HEADER.size
MAX_PAYLOAD: Final = 16 * 1024 * 1024
"""Bytes one message may carry."""

WHOLE_HELPER: Final = 0
"""The stream that speaks for the helper as a whole."""

READY: Final = 1
"""Child to parent, stream 0: loaded, send me work. The payload is the helper's to fill."""
FATAL: Final = 2
"""Child to parent, stream 0: this helper cannot work; the payload says why in UTF-8."""
ERROR: Final = 3
"""Child to parent: a request on this stream failed; the payload says why in UTF-8."""
CLOSE: Final = 4
"""Parent to child: this stream is over, forget all about it and stop its work."""
FIRST_OWN_KIND: Final = 16
"""The first kind that a helper's own module may give a meaning."""


class Message(NamedTuple):
    """One message: what it is, whose it is, and its bytes."""

    kind: int
    stream: int
    payload: bytes = b""


class GarbageError(Exception):
    """The other side wrote something that is no message."""


def encode(message: Message) -> bytes:
    """Return `message` as it travels.

    Raises:
        ValueError: The payload is longer than `MAX_PAYLOAD`.
    """
    size = len(message.payload)
    if size > MAX_PAYLOAD:
        raise ValueError(f"a message of {size} bytes is over the limit of {MAX_PAYLOAD}")
    return _HEADER.pack(_MAGIC, message.kind, message.stream, size) + message.payload


def decode_header(header: bytes) -> tuple[int, int, int]:
    """Return (kind, stream, payload length) of a header of `HEADER_SIZE` bytes.

    Raises:
        GarbageError: These bytes begin no message.
    """
    magic, kind, stream, size = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise GarbageError(f"{header.hex()} is no message header")
    if size > MAX_PAYLOAD:
        raise GarbageError(f"a message of {size} bytes is over the limit of {MAX_PAYLOAD}")
    return kind, stream, size
