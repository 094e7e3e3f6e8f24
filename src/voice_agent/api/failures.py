"""What becomes of an exception: a problem document, and nothing of the server's inside."""

import math

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from loguru import logger
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from voice_agent.api.problems import INTERNAL, problem_of, problem_of_code
from voice_agent.api.refusal import refuse
from voice_agent.core.account_errors import TooManyRequestsError
from voice_agent.core.errors import StorageUnavailableError, VoiceAgentError

INTERNAL_ERROR_CLOSE_CODE = 1011


class _Refusal:
    """An ASGI application that refuses, for Starlette's exception handlers to return."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = problem_of(self._error)
        scope.setdefault("state", {})["problem"] = problem.code
        if problem.code == INTERNAL:
            logger.opt(exception=self._error).error("a request failed")
        elif isinstance(self._error, StorageUnavailableError):
            logger.warning("a request could not be served: {}", self._error)
        headers = getattr(self._error, "headers", None)
        if isinstance(self._error, TooManyRequestsError):
            headers = {"Retry-After": str(math.ceil(self._error.retry_after_s))}
        await refuse(problem, scope, receive, send, headers)


async def _refuse(_: Request | WebSocket, error: Exception) -> _Refusal:
    return _Refusal(error)


def handle_failures(api: FastAPI) -> None:
    """Turn every error that can be explained into its problem document."""
    for kind in (
        VoiceAgentError,
        HTTPException,
        RequestValidationError,
        WebSocketRequestValidationError,
    ):
        api.add_exception_handler(kind, _refuse)  # type: ignore[arg-type]


class FailureGuard:
    """Middleware: the last resort, for what nobody thought of. Logs it and tells the client.

    What can be explained is: other middleware may raise it too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; nothing it raises gets out."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answered = False

        async def watch(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except (VoiceAgentError, HTTPException) as error:
            if answered:
                raise
            await _Refusal(error)(scope, receive, send)
        except Exception:
            state = scope.setdefault("state", {})
            state["problem"] = INTERNAL
            logger.bind(session_id=state.get("session_id")).exception("a request failed")
            if not answered:
                await refuse(problem_of_code(INTERNAL), scope, receive, send)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": INTERNAL_ERROR_CLOSE_CODE})
            else:
                raise
