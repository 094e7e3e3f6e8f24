"""What a request brings to prove what it may do."""

from starlette.requests import HTTPConnection

from voice_agent.api.errors import AccessRefusedError
from voice_agent.api.services import ApiServices
from voice_agent.core.session import DEFAULT_WORKSPACE


def bearer_of(request: HTTPConnection) -> str | None:
    """Return the credential of the Authorization header, None unless it is a bearer's."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


def session_token_of(request: HTTPConnection) -> str | None:
    """Return the session token that comes with a request: a bearer's, else `?token=`."""
    return bearer_of(request) or request.query_params.get("token") or None


def require_session(services: ApiServices, request: HTTPConnection, session_id: str) -> None:
    """Let in who brings the session's token.

    Raises:
        AccessRefusedError: There is no token.
        TokenInvalidError: It is wrong, expired or another session's.
    """
    note_session(request, session_id)
    token = session_token_of(request)
    if token is None:
        raise AccessRefusedError(
            "this needs the session's token, in 'Authorization: Bearer' (a WebSocket may bring it "
            "as '?token='); POST /v1/sessions gives one"
        )
    services.sessions.authenticate(session_id, token)


def require_open_access(services: ApiServices) -> None:
    """Let everybody in while access is open; raise AccessRefusedError when it is not."""
    if not services.open_access:
        raise AccessRefusedError("this needs a credential, as VOICE_AGENT_AUTH is not 'off'")


def workspace_of(services: ApiServices, request: HTTPConnection) -> str:  # noqa: ARG001
    """Return the workspace that a request is about: there is one, while access is open.

    Raises:
        AccessRefusedError: Access is not open.
    """
    require_open_access(services)
    return DEFAULT_WORKSPACE


def require_session_or_open_access(
    services: ApiServices, request: HTTPConnection, session_id: str
) -> None:
    """Let in who brings the session's token, and, while access is open, who brings nothing.

    Raises:
        AccessRefusedError: There is no token and access is not open.
        TokenInvalidError: There is one, and it is wrong, expired or another session's.
    """
    if services.open_access and bearer_of(request) is None:
        note_session(request, session_id)
    else:
        require_session(services, request, session_id)


def note_session(request: HTTPConnection, session_id: str) -> None:
    """Remember whose request it is, for the access log."""
    request.state.session_id = session_id
