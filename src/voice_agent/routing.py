"""What the settings say about ways for WebRTC's audio."""

from collections.abc import Callable

from voice_agent.config import Settings
from voice_agent.transports.webrtc.ice_servers import IceServer, IceServers, SharedTurn


def ice_servers_of(settings: Settings, wall: Callable[[], float]) -> IceServers:
    """Return the STUN and TURN servers, and how peers may be reached.

    Args:
        settings: What the operator chose.
        wall: Returns seconds since the epoch.
    """
    fixed = tuple(
        IceServer(
            server.urls,
            server.username,
            server.credential.get_secret_value() if server.credential else None,
        )
        for server in settings.ice_servers
    )
    shared = None
    if settings.turn_secret is not None:
        secret = settings.turn_secret.get_secret_value()
        shared = SharedTurn(settings.turn_urls, secret, settings.turn_ttl)
    return IceServers(
        wall,
        fixed,
        shared,
        relay_only=settings.ice_transport_policy == "relay",
        ports=settings.udp_ports,
        announced=settings.announced_address,
    )
