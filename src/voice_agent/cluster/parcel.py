"""A connection on its way from the supervisor to a process, and its form on the socket. Pure."""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Final

_META: Final = struct.Struct(">H")
ACKNOWLEDGEMENT: Final = struct.Struct(">Q")
"""What a process sends back as soon as it has a connection: the parcel's number."""


Address = tuple[str, int]


@dataclass(frozen=True)
class Secured:
    """Between whom a connection is that came over TLS: its socket cannot tell any more."""

    client: Address
    server: Address


@dataclass(frozen=True)
class Parcel:
    """What goes with a connection's socket.

    `number` is the parcel's, `begins_session` says that it is counted as a session on its way,
    `received` is what was read from the connection.
    """

    number: int
    received: bytes
    begins_session: bool = False
    secured: Secured | None = None


def pack(parcel: Parcel) -> bytes:
    """Return `parcel` as bytes."""
    meta = asdict(parcel)
    del meta["received"]
    said = json.dumps(meta).encode()
    return b"".join((_META.pack(len(said)), said, parcel.received))


def unpack(content: bytes) -> Parcel:
    """Return the parcel that `pack` was given.

    Raises:
        ValueError, TypeError, struct.error: It was given something else.
    """
    (length,) = _META.unpack_from(content)
    begin = _META.size + length
    said = json.loads(content[_META.size : begin])
    if (secured := said.pop("secured")) is not None:
        said["secured"] = Secured(tuple(secured["client"]), tuple(secured["server"]))
    return Parcel(received=content[begin:], **said)
