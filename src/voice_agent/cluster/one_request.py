"""Middleware of a process among several: a connection carries one request, and is counted."""

from collections.abc import Callable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLACED: Final = "placed"
"""In the `state` of a scope: the number of a request that was placed to begin a session."""
_CLOSE: Final = (b"connection", b"close")


class OneRequest:
    """Ends each connection after its first response: the next request may belong elsewhere.

    `settled` is called with the number of a request that was placed to begin a session, once it
    has begun one or been refused.
    """

    def __init__(self, app: ASGIApp, settled: Callable[[int], None]) -> None:
        self._app = app
        self._settled = settled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        placed: int | None = scope.get("state", {}).get(PLACED)

        def settle() -> None:
            nonlocal placed
            if placed is not None:
                self._settled(placed)
                placed = None

        async def send_last(message: Message) -> None:
            settle()
            if message["type"] == "http.response.start":
                message["headers"] = _with_close(message.get("headers", ()))
            await send(message)

        try:
            await self._app(scope, receive, send_last)
        finally:
            settle()


def _with_close(headers: Any) -> list[tuple[bytes, bytes]]:
    return [*((n, v) for n, v in headers if n.lower() != b"connection"), _CLOSE]
