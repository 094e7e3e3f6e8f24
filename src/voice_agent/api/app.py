"""The API as one ASGI application."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from voice_agent.api.access_log import AccessLog
from voice_agent.api.body_limit import BodyLimit
from voice_agent.api.console import Console
from voice_agent.api.cross_origin import CrossOrigin
from voice_agent.api.doorkeeper import Doorkeeper
from voice_agent.api.failures import FailureGuard, handle_failures
from voice_agent.api.problems import PROBLEM_MEDIA_TYPE, Problem
from voice_agent.api.routes.agents import agent_routes
from voice_agent.api.routes.auth import auth_routes
from voice_agent.api.routes.health import health_routes
from voice_agent.api.routes.inventory import inventory_routes
from voice_agent.api.routes.keys import key_routes
from voice_agent.api.routes.media import media_routes
from voice_agent.api.routes.pipecat_clients import pipecat_client_routes
from voice_agent.api.routes.recordings import recording_routes
from voice_agent.api.routes.sessions import session_routes
from voice_agent.api.routes.users import user_routes
from voice_agent.api.routes.webhooks import webhook_routes
from voice_agent.api.security_headers import SecurityHeaders
from voice_agent.api.services import ApiServices

DESCRIPTION = """
Talk to voice agents over WebRTC or WebSocket.

`POST /v1/sessions` starts a session and answers what to try, in order, to connect to it. Media
over WebSocket (`/v1/sessions/{id}/ws?token=`, `/ws-client`, `/ws`) is Pipecat's protobuf frames,
16 kHz mono in, 24 kHz mono out. Errors are problem documents (RFC 9457); a WebSocket handshake
that is refused gets one too.
"""

_PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "The request is not valid."},
    "default": {"model": Problem, "description": "Any other refusal."},
}


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key, a user's access token, or a session's token; docs/access.md says what "
    "each may do. Nothing is needed where VOICE_AGENT_AUTH is `off`.",
}


class _Api(FastAPI):
    """FastAPI, with the media type of problem documents in its description."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description."""
        if self.openapi_schema is None:
            described = super().openapi()
            described.setdefault("components", {})["securitySchemes"] = {"bearer": _BEARER}
            described["security"] = [{"bearer": []}, {}]
            operations = [
                operation
                for path in super().openapi()["paths"].values()
                for operation in path.values()
            ]
            for operation in operations:
                for status in _PROBLEM_RESPONSES:
                    content = operation["responses"][str(status)]["content"]
                    # FastAPI puts it under the media type of the route's own answers.
                    (media_type,) = content
                    content[PROBLEM_MEDIA_TYPE] = content.pop(media_type)
        return super().openapi()


def create_api(services: ApiServices) -> FastAPI:
    """Return the application with all its routes, calling `services`."""
    api = _Api(
        title="Voice Agent Backend",
        description=DESCRIPTION,
        version="1",
        # Their pages load scripts from elsewhere, into an origin that may use the microphone.
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the query, which may hold a token.
        redirect_slashes=False,
        responses=_PROBLEM_RESPONSES,
        middleware=[
            Middleware(AccessLog),
            Middleware(SecurityHeaders),
            Middleware(Doorkeeper, rules=services.knock_rules),
            Middleware(CrossOrigin, rules=services.knock_rules),
            Middleware(FailureGuard),
            Middleware(BodyLimit),
            *([Middleware(services.elsewhere)] if services.elsewhere else []),
        ],
    )
    handle_failures(api)
    for routes in (
        health_routes,
        agent_routes,
        session_routes,
        recording_routes,
        media_routes,
        inventory_routes,
        pipecat_client_routes,
        webhook_routes,
        auth_routes,
        user_routes,
        key_routes,
    ):
        api.include_router(routes(services))
    # What no route answers, so that a wrong method on a route is still a 405.
    api.router.default = Console(services.console, services.public_url)
    return api
