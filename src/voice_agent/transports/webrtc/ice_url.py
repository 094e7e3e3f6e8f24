"""The addresses of STUN and TURN servers, as RFC 7064 and 7065 have them. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
_PORT, _TLS_PORT, _LAST_PORT = 3478, 5349, 65_535


@dataclass(frozen=True)
class IceUrl:
    """One address. `host` has no brackets; `over_tcp` is how the server itself is reached."""

    host: str
    port: int
    is_turn: bool
    over_tcp: bool = False
    over_tls: bool = False


def parse_ice_url(url: str) -> IceUrl:
    """Return what `url` says.

    Raises:
        ValueError: It is no such address, or of a kind that neither browsers nor this server use.
    """
    match = _URL.fullmatch(url)
    host = _host_of(match["host"]) if match else None
    port = _port_of(match) if match else 0
    if match is None or host is None or not 0 < port <= _LAST_PORT:
        shown = url if "@" not in url else url.partition(":")[0] + ":***"
        raise ValueError(
            f"'{shown}' is not an address such as stun:stun.example.com:3478 or "
            "turn:turn.example.com:3478?transport=tcp"
        )
    scheme, transport = match["scheme"], match["transport"]
    if scheme.startswith("stun") and transport:
        raise ValueError(f"'{url}': only turn: and turns: take ?transport=, leave it out")
    if scheme == "turns" and transport == "udp":
        raise ValueError(f"'{url}': TURN over TLS goes by TCP; leave ?transport=udp out")
    over_tls = scheme in ("stuns", "turns")
    return IceUrl(host, port, scheme.startswith("turn"), over_tls or transport == "tcp", over_tls)


def _host_of(written: str) -> str | None:
    if not written.startswith("["):
        return written
    try:
        return str(IPv6Address(written[1:-1]))
    except ValueError:
        return None


def _port_of(match: re.Match[str]) -> int:
    if match["port"]:
        return int(match["port"])
    return _TLS_PORT if match["scheme"] in ("stuns", "turns") else _PORT
