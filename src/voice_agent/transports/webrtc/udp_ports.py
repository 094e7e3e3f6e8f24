"""Binds the UDP sockets of peer connections, within a range of ports where there is one."""

import errno
import random
import re
import socket
from dataclasses import dataclass

from voice_agent.core.errors import MediaRouteError

_LAST_PORT = 65_535
_RANGE = re.compile(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*")


@dataclass(frozen=True)
class PortRange:
    """UDP ports from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        """Return it as it can be typed."""
        return f"{self.first}-{self.last}"


def parse_port_range(text: str) -> PortRange:
    """Return the range that `text`, such as `40000-40100`, says.

    Raises:
        ValueError: It says none.
    """
    match = _RANGE.fullmatch(text)
    ports = PortRange(int(match[1]), int(match[2])) if match else None
    if ports is None or not 0 < ports.first <= ports.last <= _LAST_PORT:
        raise ValueError(
            f"'{text}' is not a range of ports such as 40000-40100, the lower one first, "
            f"each from 1 to {_LAST_PORT}"
        )
    return ports


def bind_udp(address: str, ports: PortRange | None) -> socket.socket:
    """Return a UDP socket on that address, on any free port, or on a free one of `ports`.

    Raises:
        MediaRouteError: All ports of the range are taken, or this user may not use them.
        OSError: The address cannot be bound.
    """
    if ports is None:
        return _bound(address, 0)
    # Several processes share a range: each begins anywhere, and the kernel says what is taken.
    start = random.randrange(ports.size)  # noqa: S311 - spreads, hides nothing
    for step in range(ports.size):
        try:
            return _bound(address, ports.first + (start + step) % ports.size)
        except PermissionError:
            raise MediaRouteError(
                f"this user may not use the UDP ports of VOICE_AGENT_UDP_PORTS={ports}; choose "
                "some above 1023"
            ) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise MediaRouteError(
        f"all {ports.size} UDP ports of VOICE_AGENT_UDP_PORTS={ports} are in use; give more ports, "
        "or lower VOICE_AGENT_MAX_SESSIONS"
    )


def _bound(address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound
