"""Problem documents (RFC 9457): what a client gets instead of an answer, and with which status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType

from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from voice_agent.core.errors import VoiceAgentError

PROBLEM_MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:voice-agent:problem:"
RETRY_AFTER_S = 5
"""Seconds after which a client that was refused for want of room may ask again."""

INTERNAL = "internal"
REQUEST_INVALID = "request_invalid"
BODY_INVALID = "body_invalid"

STATUS_OF_CODE: Mapping[str, HTTPStatus] = MappingProxyType(
    {
        BODY_INVALID: HTTPStatus.BAD_REQUEST,
        "offer_invalid": HTTPStatus.BAD_REQUEST,
        "access_refused": HTTPStatus.UNAUTHORIZED,
        "credential_invalid": HTTPStatus.UNAUTHORIZED,
        "sign_in_refused": HTTPStatus.UNAUTHORIZED,
        "token_invalid": HTTPStatus.UNAUTHORIZED,
        "forbidden": HTTPStatus.FORBIDDEN,
        "forwarding_refused": HTTPStatus.FORBIDDEN,
        "host_refused": HTTPStatus.FORBIDDEN,
        "origin_refused": HTTPStatus.FORBIDDEN,
        "agent_not_found": HTTPStatus.NOT_FOUND,
        "agent_changed": HTTPStatus.PRECONDITION_FAILED,
        "agent_exists": HTTPStatus.CONFLICT,
        "agent_read_only": HTTPStatus.CONFLICT,
        "cursor_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
        "idempotency_key_reused": HTTPStatus.UNPROCESSABLE_ENTITY,
        "key_limit": HTTPStatus.TOO_MANY_REQUESTS,
        "precondition_required": HTTPStatus.PRECONDITION_REQUIRED,
        "request_in_progress": HTTPStatus.CONFLICT,
        "session_not_connected": HTTPStatus.CONFLICT,
        "storage_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
        "variables_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
        "webhook_not_found": HTTPStatus.NOT_FOUND,
        "delivery_not_found": HTTPStatus.NOT_FOUND,
        "webhook_target": HTTPStatus.UNPROCESSABLE_ENTITY,
        "key_not_found": HTTPStatus.NOT_FOUND,
        "not_found": HTTPStatus.NOT_FOUND,
        "peer_not_found": HTTPStatus.NOT_FOUND,
        "recording_not_found": HTTPStatus.NOT_FOUND,
        "session_not_found": HTTPStatus.NOT_FOUND,
        "user_not_found": HTTPStatus.NOT_FOUND,
        "workspace_not_found": HTTPStatus.NOT_FOUND,
        "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
        "email_taken": HTTPStatus.CONFLICT,
        "illegal_transition": HTTPStatus.CONFLICT,
        "last_administrator": HTTPStatus.CONFLICT,
        "ownership_lost": HTTPStatus.CONFLICT,
        "setup_done": HTTPStatus.CONFLICT,
        "range_invalid": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "session_ended": HTTPStatus.GONE,
        "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "media_type_unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "account_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
        REQUEST_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
        "transport_unavailable": HTTPStatus.UNPROCESSABLE_ENTITY,
        "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
        "agent_invalid": HTTPStatus.INTERNAL_SERVER_ERROR,
        INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
        "settings": HTTPStatus.INTERNAL_SERVER_ERROR,
        "at_capacity": HTTPStatus.SERVICE_UNAVAILABLE,
        "no_media_route": HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready": HTTPStatus.SERVICE_UNAVAILABLE,
        "owner_unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
        "pool_refused": HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Every code that can go over the wire. The only place that knows a status."""

TITLE_OF_CODE: Mapping[str, str] = MappingProxyType(
    {
        BODY_INVALID: "The body is not JSON",
        "offer_invalid": "The WebRTC offer cannot be used",
        "access_refused": "A credential is needed",
        "credential_invalid": "The credential is not valid",
        "sign_in_refused": "Email or password is wrong",
        "forbidden": "This credential is not for that",
        "key_not_found": "There is no such key",
        "user_not_found": "There is no such user",
        "workspace_not_found": "There is nothing of that kind",
        "email_taken": "Somebody has this address",
        "last_administrator": "The last administrator has to stay",
        "setup_done": "There is a user already",
        "account_invalid": "This cannot be",
        "cursor_invalid": "The list does not go on from there",
        "too_many_requests": "Too many requests",
        "token_invalid": "The session token is not valid",
        "forwarding_refused": "This was not forwarded",
        "owner_unreachable": "The server that has the call does not answer",
        "host_refused": "This host name is not answered for",
        "origin_refused": "This site may not use this server",
        "agent_not_found": "There is no such agent",
        "agent_changed": "The agent was changed meanwhile",
        "agent_exists": "There is such an agent already",
        "agent_read_only": "This agent is described by a file",
        "idempotency_key_reused": "This idempotency key was used before",
        "key_limit": "The key has as many sessions as it may",
        "precondition_required": "The version is missing",
        "request_in_progress": "This request is being carried out",
        "session_not_connected": "Nobody is connected",
        "storage_unavailable": "The database is away",
        "variables_invalid": "The variables are not the agent's",
        "webhook_not_found": "There is no such webhook",
        "delivery_not_found": "There is no such delivery",
        "webhook_target": "Nothing can be sent there",
        "not_found": "There is nothing here",
        "peer_not_found": "There is no such peer connection",
        "recording_not_found": "There is no such recording",
        "session_not_found": "There is no such session",
        "method_not_allowed": "This method is not possible here",
        "illegal_transition": "Not possible in this state",
        "ownership_lost": "The session went elsewhere",
        "range_invalid": "There is no such part",
        "session_ended": "The session is over",
        "body_too_large": "The body is too large",
        "media_type_unsupported": "The body must be JSON",
        REQUEST_INVALID: "The request is not valid",
        "transport_unavailable": "This transport is not offered",
        INTERNAL: "The server failed",
        "at_capacity": "All lines are taken",
        "no_media_route": "WebRTC has no way for the audio now",
        "not_ready": "Not ready for calls",
        "pool_refused": "A service is not available",
    }
)

_CODE_OF_STATUS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: BODY_INVALID,
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
}
_DETAIL_OF_CODE = {
    # Its own words may name the database and its host.
    "storage_unavailable": "What is kept of sessions cannot be reached now; try again soon.",
    # The error's own words name a directory of the server.
    "agent_not_found": "There is no agent with that id; GET /v1/agents lists those there are.",
    BODY_INVALID: "The body cannot be read as JSON.",
    "not_found": "Nothing answers at this address; /openapi.json lists what does.",
    "method_not_allowed": "This address knows other methods; the Allow header names them.",
}
_INTERNAL_DETAIL = "Something went wrong here that is not your fault; the server's log has it."


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where: the names on the way to it, with dots.")
    message: str = Field(description="What is wrong, and what would be right.")


class Problem(BaseModel):
    """A problem document, RFC 9457."""

    type: str = Field(description="A stable name of the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and the mend.")
    code: str = Field(description="The stable code, for programs.")
    errors: list[FieldProblem] | None = Field(
        default=None, description="Each invalid field, when it was the request that is invalid."
    )


def problem_of_code(
    code: str, detail: str | None = None, errors: list[FieldProblem] | None = None
) -> Problem:
    """Return the problem of `code`; a code that the wire does not know becomes an internal one.

    What an internal error says is for the log: the client gets none of it.
    """
    status = STATUS_OF_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        code, detail = INTERNAL, _INTERNAL_DETAIL
    detail = _DETAIL_OF_CODE.get(code) or detail or TITLE_OF_CODE[code]
    return Problem(
        type=TYPE_PREFIX + code,
        title=TITLE_OF_CODE[code],
        status=status.value,
        detail=detail,
        code=code,
        errors=errors,
    )


def problem_of(error: Exception) -> Problem:
    """Return what the client is told about `error`."""
    match error:
        case VoiceAgentError():
            return problem_of_code(error.code, str(error))
        case RequestValidationError() | WebSocketRequestValidationError():
            return _problem_of_request(error.errors())
        case HTTPException():
            code = _CODE_OF_STATUS.get(error.status_code, INTERNAL)
            return problem_of_code(code, error.detail)
        case _:
            return problem_of_code(INTERNAL)


def _problem_of_request(errors: Sequence[Mapping[str, object]]) -> Problem:
    if any(error["type"] == "json_invalid" for error in errors):
        return problem_of_code(BODY_INVALID)
    fields = [_field_problem(error) for error in errors]
    detail = "; ".join(f"{problem.field}: {problem.message}" for problem in fields)
    return problem_of_code(REQUEST_INVALID, detail, fields)


def _field_problem(error: Mapping[str, object]) -> FieldProblem:
    """Name the field and the fault. The value stays out: it may be a secret, or long."""
    location = error["loc"] if isinstance(error["loc"], tuple) else ()
    place, path = (location[0], location[1:]) if location else ("request", ())
    field = ".".join(str(part)[:64] for part in path) or str(place)
    message = str(error["msg"])
    if error["type"] == "extra_forbidden":
        message = "there is no such field"
    return FieldProblem(field=field, message=message[:1].lower() + message[1:])


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return `problem` as a response, with the headers that its status calls for."""
    extra = dict(headers or {})
    if problem.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    if problem.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        extra["Retry-After"] = str(RETRY_AFTER_S)
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers={"Cache-Control": "no-store", **extra},
        media_type=PROBLEM_MEDIA_TYPE,
    )
