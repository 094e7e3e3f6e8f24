"""Who may start a session, and how often."""

import ipaddress
from typing import Final

from starlette.requests import HTTPConnection

from voice_agent.accounts.authorize import Action, Resource
from voice_agent.accounts.principal import Principal, PrincipalKind
from voice_agent.api.credentials import require
from voice_agent.api.services import ApiServices
from voice_agent.core.account_errors import TooManyRequestsError
from voice_agent.storage.tables import DEFAULT_WORKSPACE

_IPV4: Final = 4
_NETWORK_BITS: Final = 64


async def admit(
    services: ApiServices, request: HTTPConnection, agent_id: str | None = None
) -> Principal:
    """Return who asks for a session with the agent (None: the default one), when he may have it.

    Raises:
        AccessRefusedError: He shows nothing although something is asked for.
        ForbiddenError: His credential is not for starting sessions, or not with this agent.
        TooManyRequestsError: He uses a publishable key, and his address did so too often.
        CredentialInvalidError, TokenInvalidError, OriginRefusedError: His credential is no good.
    """
    agent = Resource(DEFAULT_WORKSPACE, agent_id=agent_id or services.default_agent)
    principal = await require(services, request, Action.SESSIONS_CREATE, agent)
    if principal.kind is PrincipalKind.PUBLISHABLE_KEY:
        # Who can see the key can use it: the key's own limit would let one visitor keep out all.
        wait_s = services.visitors.take(f"{principal.id} {address_of(request)}")
        if wait_s:
            raise TooManyRequestsError(
                "too many sessions were started from this address; try again later", wait_s
            )
    return principal


def address_of(request: HTTPConnection) -> str:
    """Return where the request comes from: an IPv4 address, or the network of an IPv6 address.

    Who has one address of such a network has them all.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == _IPV4:
        return host
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
