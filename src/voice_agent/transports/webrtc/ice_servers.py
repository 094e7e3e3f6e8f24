"""The STUN and TURN servers of the settings, as clients and as this server's peers get them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Literal

from voice_agent.transports.webrtc.ice_route import IceRoute, TurnServer
from voice_agent.transports.webrtc.ice_url import IceUrl, parse_ice_url
from voice_agent.transports.webrtc.turn_credentials import turn_credentials
from voice_agent.transports.webrtc.udp_ports import PortRange

LONGEST_SESSION_S = 2 * 86_400
"""What an agent's limits and the resume window can add up to: how long our own peers may last."""


@dataclass(frozen=True)
class IceServer:
    """One or more addresses of a server, and what to show there."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SharedTurn:
    """TURN servers that take credentials made from a secret.

    `lifetime_s` is how long those of a session last; None: as long as its token.
    """

    urls: tuple[str, ...]
    secret: str = field(repr=False)
    lifetime_s: float | None = None


@dataclass(frozen=True)
class IceServers:
    """All that the settings say about ways for a peer connection.

    Args:
        fixed: Servers whose credentials do not change.
        shared: Servers whose credentials are made for each session.
        relay_only: Whether audio may go through TURN servers alone.
        ports: The UDP ports that peers may use; None for any.
        announced: The address that stands in host candidates, where it is not this machine's own.
        wall: Returns seconds since the epoch.
    """

    wall: Callable[[], float]
    fixed: tuple[IceServer, ...] = ()
    shared: SharedTurn | None = None
    relay_only: bool = False
    ports: PortRange | None = None
    announced: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether peers find their candidates as aiortc does by itself."""
        return self.route("").is_plain

    @property
    def transport_policy(self) -> Literal["all", "relay"]:
        """What clients are told, in their words."""
        return "relay" if self.relay_only else "all"

    @property
    def has_turn(self) -> bool:
        """Whether there is a TURN server, for clients and for this server."""
        return bool(self._turn_urls)

    @property
    def has_turn_over_tcp(self) -> bool:
        """Whether clients reach one of the TURN servers over TCP."""
        return any(url.over_tcp for url in self._turn_urls)

    @cached_property
    def _turn_urls(self) -> Sequence[IceUrl]:
        urls = [url for server in self.fixed for url in server.urls]
        parsed = map(parse_ice_url, (*urls, *(self.shared.urls if self.shared else ())))
        return [url for url in parsed if url.is_turn]

    def has_route(self, own_addresses: Sequence[str]) -> bool:
        """Return whether peers of this server have any candidate to offer.

        Args:
            own_addresses: This machine's addresses beyond loopback.
        """
        return self.has_turn or (bool(own_addresses) and not self.relay_only)

    def for_client(self, session_id: str, expires_at: float) -> tuple[IceServer, ...]:
        """Return what the client of a session is told.

        Args:
            session_id: Whose client.
            expires_at: When the session's token ends, in seconds since the epoch.
        """
        if self.shared is None:
            return self.fixed
        if self.shared.lifetime_s is not None:
            expires_at = self.wall() + self.shared.lifetime_s
        return (*self.fixed, self._made(self.shared, session_id, expires_at))

    def route(self, session_id: str) -> IceRoute:
        """Return the ways of this server's own peer connection of a session."""
        servers = self.fixed
        if self.shared is not None:
            lifetime_s = self.shared.lifetime_s or LONGEST_SESSION_S
            servers = (*servers, self._made(self.shared, session_id, self.wall() + lifetime_s))
        found = [(parse_ice_url(url), server) for server in servers for url in server.urls]
        return IceRoute(
            stun=next(
                ((url.host, url.port) for url, _ in found if not url.is_turn and not url.over_tls),
                None,
            ),
            turns=tuple(
                TurnServer(url, server.username or "", server.credential or "")
                for url, server in found
                if url.is_turn
            ),
            relay_only=self.relay_only,
            ports=self.ports,
            announced=ip_address(self.announced) if self.announced else None,
        )

    def _made(self, shared: SharedTurn, session_id: str, expires_at: float) -> IceServer:
        made = turn_credentials(shared.secret, session_id, expires_at)
        return IceServer(shared.urls, made.username, made.credential)
