"""Who may start a session, and how often."""

import ipaddress
from typing import Final

from starlette.requests import HTTPConnection

from voice_agent.accounts.authorize import Action
from voice_agent.accounts.principal import Principal, PrincipalKind
from voice_agent.api.credentials import require
from voice_agent.api.services import ApiServices
from voice_agent.core.account_errors import TooManyRequestsError
from voice_agent.core.session import KeyLimits, SessionOrigin

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
    principal = await require(
        services, request, Action.SESSIONS_CREATE, agent_id=agent_id or services.default_agent
    )
    if principal.kind is PrincipalKind.PUBLISHABLE_KEY:
        # Who can see the key can use it: the key's own limit would let one visitor keep out all.
        wait_s = services.visitors.take(f"{principal.id} {address_of(request)}")
        if wait_s:
            raise TooManyRequestsError(
                "too many sessions were started from this address; try again later", wait_s
            )
    return principal


def origin_of(principal: Principal) -> SessionOrigin:
    """Return whose a session is that `principal` starts, with the limits of his key."""
    if principal.kind not in (PrincipalKind.SECRET_KEY, PrincipalKind.PUBLISHABLE_KEY):
        return SessionOrigin(principal.workspace_id)
    limits = KeyLimits(principal.max_sessions, principal.sessions_per_minute)
    return SessionOrigin(principal.workspace_id, principal.id, limits)


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
