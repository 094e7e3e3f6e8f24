"""What a request brings to prove who sends it, and whether he may do what he asks for."""

from typing import Final

from starlette.requests import HTTPConnection

from voice_agent.accounts.authorize import Action, Resource, authorize
from voice_agent.accounts.prefixes import is_of_an_account
from voice_agent.accounts.principal import Principal, PrincipalKind
from voice_agent.api.errors import OriginRefusedError
from voice_agent.api.services import ApiServices
from voice_agent.core.account_errors import AccessRefusedError
from voice_agent.core.session import DEFAULT_WORKSPACE

HOST: Final = Resource(DEFAULT_WORKSPACE)
"""What belongs to the host as a whole: its pool and its metrics."""
_EVERYBODY: Final = Principal(PrincipalKind.OPEN, DEFAULT_WORKSPACE, id="open")
_OFFER: Final = "/offer"


def bearer_of(request: HTTPConnection) -> str | None:
    """Return the credential of the Authorization header, None unless it is a bearer's."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


def session_of(session_id: str) -> Resource:
    """Return the session with that id as what something is done to."""
    return Resource(DEFAULT_WORKSPACE, session_id=session_id)


async def principal_of(services: ApiServices, request: HTTPConnection) -> Principal | None:
    """Return who sends the request; None when he shows nothing although something is asked for.

    A bearer is a key, a user's access token or a session's token. Who carries media may bring a
    session's token as `?token=` instead: a browser's WebSocket can send no header.

    Raises:
        CredentialInvalidError: The key or the access token is wrong, expired or revoked.
        TokenInvalidError: What looks like a session's token is none, or is expired.
        OriginRefusedError: It is a publishable key, and not for the page that sends it.
    """
    credential = bearer_of(request)
    if credential is None and _carries_media(request):
        token = request.query_params.get("token")
        if token:
            return _holder_of(services, token)
    if not credential:
        return _EVERYBODY if services.open_access else None
    if not is_of_an_account(credential):
        return _holder_of(services, credential)
    principal = await services.accounts.authenticate(credential)
    if principal.kind is PrincipalKind.PUBLISHABLE_KEY:
        _require_origin(principal, request.headers.get("origin"))
    return principal


async def require(
    services: ApiServices,
    request: HTTPConnection,
    action: Action,
    resource: Resource | None = None,
    *,
    agent_id: str | None = None,
) -> Principal:
    """Return who sends the request, when he may do `action` to `resource`.

    Args:
        services: Knows credentials.
        request: The request.
        action: What is asked for.
        resource: To what; None for the workspace of who asks.
        agent_id: The agent of his workspace that it is about, if it is about one.

    Raises:
        AccessRefusedError: He shows nothing although something is asked for.
        ForbiddenError: He may not do that.
        WorkspaceNotFoundError, AgentNotFoundError, SessionNotFoundError: It is another
            workspace's.
        CredentialInvalidError, TokenInvalidError, OriginRefusedError: See `principal_of`.
    """
    principal = await principal_of(services, request)
    workspace_id = DEFAULT_WORKSPACE if principal is None else principal.workspace_id
    authorize(principal, action, resource or Resource(workspace_id, agent_id))
    assert principal is not None
    return principal


async def require_in_session(
    services: ApiServices, request: HTTPConnection, action: Action, session_id: str
) -> Principal:
    """Return who sends the request, when he may do `action` to the session with that id.

    Raises:
        SessionNotFoundError: There is none, or it is another workspace's.
        StorageUnavailableError: Whose it is cannot be looked up now.
        AccessRefusedError, ForbiddenError, CredentialInvalidError, TokenInvalidError,
            OriginRefusedError: See `require`.
    """
    note_session(request, session_id)
    principal = await principal_of(services, request)
    if principal is None or principal.kind is PrincipalKind.SESSION:
        resource = session_of(session_id)
    else:
        # Who may do it to no session at all learns that first, and costs no look-up.
        authorize(principal, action, Resource(principal.workspace_id))
        workspace_id, agent_id = await services.records.whose(session_id)
        resource = Resource(workspace_id, agent_id, session_id)
    authorize(principal, action, resource)
    assert principal is not None
    return principal


async def require_session_token(
    services: ApiServices, request: HTTPConnection, session_id: str
) -> None:
    """Let in who brings the session's own token; nothing else carries media.

    Raises:
        AccessRefusedError: There is no token.
        TokenInvalidError: It is wrong, expired or another session's.
    """
    note_session(request, session_id)
    principal = await principal_of(services, request)
    if principal is None or principal.kind is not PrincipalKind.SESSION:
        raise AccessRefusedError(
            "this needs the session's token, in 'Authorization: Bearer' (a WebSocket may bring it "
            "as '?token='); POST /v1/sessions gives one"
        )
    authorize(principal, Action.SESSIONS_WRITE, session_of(session_id))


def note_session(request: HTTPConnection, session_id: str) -> None:
    """Remember whose request it is, for the access log."""
    request.state.session_id = session_id


def _carries_media(request: HTTPConnection) -> bool:
    path: str = request.scope["path"]
    return request.scope["type"] == "websocket" or path.endswith(_OFFER)


def _holder_of(services: ApiServices, token: str) -> Principal:
    session_id = services.sessions.session_id_of(token)
    return Principal(PrincipalKind.SESSION, DEFAULT_WORKSPACE, id=session_id, session_id=session_id)


def _require_origin(principal: Principal, origin: str | None) -> None:
    if origin is None:
        raise OriginRefusedError(
            "a publishable key is for pages in a browser, which send an Origin; "
            "programs use a secret key"
        )
    if origin.lower() not in principal.origins:
        raise OriginRefusedError(
            f"this key is not for pages of '{origin[:100]}'; make one with that origin"
        )
