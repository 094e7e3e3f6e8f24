"""Whether and how a peer of this machine can be found."""

from aioice.ice import get_host_addresses


def has_address() -> bool:
    """Return whether this machine has an address that aioice offers: one that is no loopback."""
    return bool(get_host_addresses(use_ipv4=True, use_ipv6=True))


def is_relay(url: str) -> bool:
    """Return whether `url` is of a TURN server (RFC 7065)."""
    return url.startswith(("turn:", "turns:"))


def is_relay_over_tcp(url: str) -> bool:
    """Return whether `url` is of a TURN server that is reached over TCP, with or without TLS."""
    return is_relay(url) and (url.endswith("transport=tcp") or url.startswith("turns:"))
