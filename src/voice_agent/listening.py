"""Where the server listens, and under which addresses people reach it."""

import errno
import socket
from collections.abc import Sequence

from voice_agent.config import Settings, is_loopback
from voice_agent.core.errors import SettingsError

BACKLOG = 1024
"""Connections that wait to be accepted; the kernel may allow fewer."""

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def listen(host: str, port: int, *, setting: str = "VOICE_AGENT_PORT") -> socket.socket:
    """Return a socket that listens on `host` and `port`; 0 takes any free port.

    Args:
        host: A name or an address; `::` listens on IPv4 as well.
        port: 0 to 65535.
        setting: What the port is called in an error.

    Raises:
        SettingsError: It cannot; the message names the setting and what would be right.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError(
            f"VOICE_AGENT_HOST: '{host}' is not an address of this machine "
            f"({error.strerror or error}); use 127.0.0.1"
        ) from error
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_explain(error, host, port, setting)) from error
    listener.setblocking(False)
    return listener


def _explain(error: OSError, host: str, port: int, setting: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{setting}: port {port} is in use; stop what listens there, or choose another "
                "port (0 takes any free one)"
            )
        case errno.EACCES | errno.EPERM:
            return f"{setting}: this user may not use port {port}; choose one above 1023"
        case errno.EADDRNOTAVAIL:
            return f"VOICE_AGENT_HOST: '{host}' is not an address of this machine; use 127.0.0.1"
        case _:
            return f"{setting}: cannot listen on {host} port {port} ({error.strerror or error})"


def host_addresses() -> Sequence[str]:
    """Return this machine's addresses beyond loopback: those that ICE offers as candidates."""
    from aioice.ice import get_host_addresses  # noqa: PLC0415 - the supervisor stays light

    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True))


def addresses_to_open(settings: Settings, port: int, own: Sequence[str]) -> Sequence[str]:
    """Return the addresses a person can open in a browser, the best one first.

    Args:
        settings: Host, TLS and public address.
        port: The port that was really taken.
        own: This machine's addresses, see `host_addresses`.
    """
    if settings.public_url:
        return (settings.public_url,)
    if settings.host in _WILDCARDS:
        families = [address for address in own if settings.host == "::" or ":" not in address]
        hosts = ["localhost", *families]
    else:
        hosts = ["localhost" if settings.host in ("127.0.0.1", "::1") else settings.host]
    scheme = "https" if settings.tls else "http"
    return tuple(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host in hosts)


def microphone_needs_tls(settings: Settings) -> bool:
    """Return whether browsers on other machines will refuse their microphone to the page.

    They lend it over HTTPS and to localhost only. A public address that begins with https:// is
    a proxy's, which encrypts.
    """
    if settings.tls or (settings.public_url or "").startswith("https://"):
        return False
    return settings.public_url is not None or not is_loopback(settings.host)
