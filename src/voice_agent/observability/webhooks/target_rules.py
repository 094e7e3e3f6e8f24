"""Where messages may go: not into the network that this server is in."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from voice_agent.core.errors import WebhookTargetError

MAX_URL_LENGTH: Final = 2000
RESOLVERS: Final = 4
"""Threads that wait for names: calls resolve names too, and must not wait for a slow one here."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network("64:ff9b:1::/48")
_NUMERIC: Final = re.compile(r"(?:\d+|0x[0-9a-f]*)")

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""What `socket.getaddrinfo` says of one address."""
Lookup = Callable[..., Sequence[AddressInfo]]
"""Resolves a name as `socket.getaddrinfo` does, and is called as it."""


@dataclass(frozen=True)
class TargetRules:
    """`allow_private` lets targets be anywhere, and without TLS: for trying things out."""

    allow_private: bool = False

    def check_url(self, url: str) -> URL:
        """Return `url` as it is to be connected to; its name is not resolved yet.

        It is read by what connects: another reader may see another host in it.

        Raises:
            WebhookTargetError: It may be no target.
        """
        try:
            target = URL(url)
            host, port = target.host, target.port
        except ValueError:
            target, host, port = URL(), None, None
        if not host or not port or len(url) > MAX_URL_LENGTH or _has_blanks(url):
            raise WebhookTargetError("this is no URL; https://example.com/hook is one")
        if target.user is not None or target.password is not None:
            raise WebhookTargetError("a URL with a password in it would show it; use the signature")
        if target.scheme != "https" and not (self.allow_private and target.scheme == "http"):
            raise WebhookTargetError(
                "a target must be https://; for trying things out on this machine set "
                "VOICE_AGENT_WEBHOOK_ALLOW_PRIVATE=true"
            )
        self._check_literal(host)
        return target

    def check_address(self, address: str) -> None:
        """Raise WebhookTargetError unless messages may be sent to that IP address."""
        if not self.allow_private and not is_public(address):
            raise WebhookTargetError(_refusal(address))

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """Return a socket for the connection to an address; every connection has its from here.

        Raises:
            WebhookTargetError: It may not be connected to.
        """
        family, kind, protocol, _, place = info
        self.check_address(str(place[0]))
        return socket.socket(family, kind, protocol)

    def _check_literal(self, host: str) -> None:
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
                raise WebhookTargetError(
                    "write the address in full, as 192.0.2.1, or use a name"
                ) from None
        else:
            self.check_address(str(literal))


def is_public(address: str) -> bool:
    """Return whether an IP address, or the one that it stands for, is of the internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64_LOCAL or ip.is_site_local:
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class CheckedResolver(AbstractResolver):
    """Resolves names to addresses that may be connected to, which then are connected to.

    So a name that points elsewhere a moment later is of no use to anybody.
    """

    def __init__(self, rules: TargetRules, lookup: Lookup = socket.getaddrinfo) -> None:
        self._rules = rules
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(RESOLVERS, "webhook resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`, all of them checked.

        Raises:
            OSError: The name is not known.
            WebhookTargetError: One of them is private.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._lookup, host, port, family, socket.SOCK_STREAM
        )
        results: list[ResolveResult] = []
        for kind, _, protocol, _, place in found:
            address = str(place[0])
            try:
                self._rules.check_address(address)
            except WebhookTargetError:
                # The address itself stays here: who asks may not know this network's names.
                raise WebhookTargetError(_refusal(f"what '{host}' leads to")) from None
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Wait for no name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _has_blanks(url: str) -> bool:
    return not url.isprintable() or any(character.isspace() for character in url)


def _refusal(what: str) -> str:
    return (
        f"{what} is not a public address: messages go to the internet only, unless "
        "VOICE_AGENT_WEBHOOK_ALLOW_PRIVATE=true"
    )
