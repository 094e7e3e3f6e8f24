"""Where messages may go: not into the network that this server is in."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from voice_agent.core.errors import WebhookTargetError

MAX_URL_LENGTH: Final = 2000
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network("64:ff9b:1::/48")


@dataclass(frozen=True)
class TargetRules:
    """`allow_private` lets targets be anywhere, and without TLS: for trying things out."""

    allow_private: bool = False

    def check_url(self, url: str) -> None:
        """Raise WebhookTargetError unless `url` may be a target; its name is not resolved yet."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if host is None or len(url) > MAX_URL_LENGTH or port == 0 or not url.isprintable():
            raise WebhookTargetError("this is no URL; https://example.com/hook is one")
        if parts.username is not None or parts.password is not None:
            raise WebhookTargetError("a URL with a password in it would show it; use the signature")
        if parts.scheme != "https" and not (self.allow_private and parts.scheme == "http"):
            raise WebhookTargetError(
                "a target must be https://; for trying things out on this machine set "
                "VOICE_AGENT_WEBHOOK_ALLOW_PRIVATE=true"
            )
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return
        self.check_address(str(literal))

    def check_address(self, address: str) -> None:
        """Raise WebhookTargetError unless messages may be sent to that IP address."""
        if not self.allow_private and not is_public(address):
            raise WebhookTargetError(
                f"{address} is not a public address: messages go to the internet only, unless "
                "VOICE_AGENT_WEBHOOK_ALLOW_PRIVATE=true"
            )


def is_public(address: str) -> bool:
    """Return whether an IP address, or the one that it stands for, is of the internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64_LOCAL:
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

    def __init__(self, rules: TargetRules) -> None:
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`, all of them checked.

        Raises:
            OSError: The name is not known.
            WebhookTargetError: One of them is private.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM
        )
        results: list[ResolveResult] = []
        for kind, _, protocol, _, place in found:
            address = str(place[0])
            self._rules.check_address(address)
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
        """Do nothing: nothing is open."""
