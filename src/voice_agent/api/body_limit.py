"""Middleware that stops reading a request's body where no honest one is longer."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice_agent.api.errors import BodyTooLargeError
from voice_agent.api.problems import problem_of
from voice_agent.api.refusal import refuse
from voice_agent.core.wire_limits import MAX_BODY_BYTES

_CLOSE = {"Connection": "close"}
"""What was not read of the body would be taken for the next request."""
_DIGITS_OF_A_SANE_LENGTH = 18


class BodyLimit:
    """Refuses a body that says it is too long at once, one that turns out so when it does."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a watched body, or refuse it with a 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"the body may have {self._max_bytes} bytes at most"
        if self._is_announced_too_long(Headers(scope=scope).get("content-length", "")):
            error = BodyTooLargeError(detail)
            scope.setdefault("state", {})["problem"] = error.code
            await refuse(problem_of(error), scope, receive, send, _CLOSE)
            return
        read_bytes = 0

        async def receive_limited() -> Message:
            nonlocal read_bytes
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > self._max_bytes:
                # The one kind of error that FastAPI lets through while it reads a body.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, _CLOSE)
            return message

        await self._app(scope, receive_limited, send)

    def _is_announced_too_long(self, length: str) -> bool:
        if not length.isdecimal():
            return False
        return len(length) > _DIGITS_OF_A_SANE_LENGTH or int(length) > self._max_bytes
