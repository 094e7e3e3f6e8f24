"""How one peer connection may be reached."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from voice_agent.transports.webrtc.ice_url import IceUrl
from voice_agent.transports.webrtc.udp_ports import PortRange


@dataclass(frozen=True)
class TurnServer:
    """A TURN server, and what to show there."""

    url: IceUrl
    username: str
    credential: str = field(repr=False)

    def __str__(self) -> str:
        """Return it as it is called in messages."""
        host = f"[{self.url.host}]" if ":" in self.url.host else self.url.host
        scheme = "turns" if self.url.over_tls else "turn"
        transport = "tcp" if self.url.over_tcp else "udp"
        return f"{scheme}:{host}:{self.url.port}?transport={transport}"


@dataclass(frozen=True)
class IceRoute:
    """Where candidates come from; the default is aiortc's own way without any server.

    Attributes:
        stun: Host and port of a STUN server.
        turns: TURN servers, the preferred one first.
        relay_only: Whether only relayed candidates are offered.
        ports: The UDP ports to bind; None for any.
        announced: What stands in host candidates of its IP version instead of their address.
    """

    stun: tuple[str, int] | None = None
    turns: tuple[TurnServer, ...] = ()
    relay_only: bool = False
    ports: PortRange | None = None
    announced: IPv4Address | IPv6Address | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing that aiortc would not do by itself."""
        return self == IceRoute()

    def shown(self, address: str) -> str:
        """Return what stands in a candidate for one of this machine's addresses."""
        announced = self.announced
        if announced is None or announced.version != ip_address(address).version:
            return address
        return str(announced)
