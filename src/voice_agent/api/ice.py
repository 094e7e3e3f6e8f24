"""What a client is told of STUN and TURN servers."""

from voice_agent.api.models import IceServer
from voice_agent.api.services import ApiServices
from voice_agent.sessions.manager import NewSession


def ice_servers_for(services: ApiServices, new: NewSession) -> list[IceServer]:
    """Return the servers for the client of a session, with credentials of its own."""
    return [
        IceServer.of(server) for server in services.ice.for_client(new.session_id, new.expires_at)
    ]
