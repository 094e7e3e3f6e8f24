"""Who may knock: which Host a request may name and which pages may send one. Pure.

A web site that somebody visits can make his browser send requests to `localhost`, and by DNS
rebinding (its own name suddenly resolving to 127.0.0.1) even read the answers. The browser gives
both away: the first by `Origin`, the second by `Host`, so both are checked, without accounts too.
"""

import ipaddress
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from voice_agent.api.errors import HostRefusedError, OriginRefusedError

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST = re.compile(r"[a-z0-9_.:-]+")
"""Of a name or an address in lower case, brackets taken off."""
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Authority:
    """A host, in lower case and without brackets, and a port if one was named."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Authority | None":
        """Return the authority that `text` (`host`, `host:port`, `[v6]:port`) is, None if none."""
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not host or parts.netloc != text or "@" in text or not _HOST.fullmatch(host):
            return None
        return cls(host.removesuffix("."), port)

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The IP address that the host is, None when it is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def origin_of(url: str) -> str:
    """Return the origin of an http(s) URL as browsers write it: no default port, lower case."""
    parts = urlsplit(url.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{parts.port}"


class KnockRules:
    """Decides by the headers of a request whether it is heard at all.

    Args:
        bound_host: What the server listens on. On all interfaces (`0.0.0.0`, `::`) every IP
            address is a good Host: rebinding needs a name.
        public_url: Where the server is reached from outside, if that was set.
        allowed_hosts: Further names to answer for.
        allowed_origins: Further sites whose pages may use this server.
        further_origins: Knows more of them, and may change.
    """

    def __init__(
        self,
        *,
        bound_host: str,
        public_url: str | None = None,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        further_origins: Container[str] = (),
    ) -> None:
        bound = Authority(bound_host.strip("[]").lower(), None)
        names = {bound.host, *(name.strip("[]").lower() for name in allowed_hosts)}
        origins = {origin_of(origin) for origin in allowed_origins}
        if public_url is not None:
            origins.add(origin_of(public_url))
            names.add(urlsplit(public_url).hostname or "")
        self._names = names
        self._any_address = bound.address is not None and bound.address.is_unspecified
        self.origins = frozenset(origins)
        """Sites of other addresses whose pages may use this server, by the settings."""
        self._further_origins = further_origins

    def knows_site(self, origin: str) -> bool:
        """Return whether pages of `origin`, another address, may use this server."""
        try:
            normal = origin_of(origin)
        except ValueError:
            return False
        return normal in self.origins or normal in self._further_origins

    def check(self, host: str | None, origin: str | None) -> None:
        """Do nothing when the request may be heard.

        Args:
            host: The Host header.
            origin: The Origin header; programs that are no browsers send none.

        Raises:
            HostRefusedError: This server does not answer for that host.
            OriginRefusedError: The page that asks is of a site that was not allowed.
        """
        authority = Authority.parse(host or "")
        if authority is None:
            raise HostRefusedError("the request names no host; send a Host header")
        if not self._answers_for(authority):
            raise HostRefusedError(
                f"this server does not answer for '{_shown(authority.host)}'; to allow it, add it "
                "to VOICE_AGENT_ALLOWED_HOSTS or make it VOICE_AGENT_PUBLIC_URL"
            )
        if origin is not None and not self._welcomes(origin, authority):
            raise OriginRefusedError(
                f"pages of '{_shown(origin)}' may not use this server; to allow them, add it to "
                "VOICE_AGENT_ALLOWED_ORIGINS, or make a publishable key for them"
            )

    def _answers_for(self, authority: Authority) -> bool:
        name, address = authority.host, authority.address
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        return address is not None and (self._any_address or address.is_loopback)

    def _welcomes(self, origin: str, host: Authority) -> bool:
        scheme, separator, rest = origin.lower().partition("://")
        sender = Authority.parse(rest)
        if not separator or scheme not in ("http", "https") or sender is None:
            return False
        if self.knows_site(origin):
            return True
        # Behind a proxy that ends TLS the request's own scheme says nothing: compare the rest.
        default = _DEFAULT_PORTS[scheme]
        return (sender.host, sender.port or default) == (host.host, host.port or default)


def _shown(text: str) -> str:
    return text[:_SHOWN_CHARACTERS]
