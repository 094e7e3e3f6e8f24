"""The access log: one line a request, written when it is over, without queries and tokens."""

import time
from collections.abc import Callable
from urllib.parse import quote

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice_agent.api.redaction import without_secrets

PROBE_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged at debug level."""
_LONGEST_SEGMENT = 64
"""Characters; no address of ours has a longer part, a token put into a path by mistake has."""
_SWITCHING_PROTOCOLS = 101
_ABNORMAL_CLOSURE = 1006


def logged_path(path: str) -> str:
    """Return `path` fit for a log: no token, no control characters, no endless parts."""
    parts = without_secrets(path).split("/")
    return quote("/".join(p if len(p) <= _LONGEST_SEGMENT else "***" for p in parts), safe="/*")


class AccessLog:
    """Logs method, path, status, duration and problem code, bound to the session's id.

    A WebSocket is logged twice: when it is accepted (status 101), and when it is over, with its
    close code. `monotonic` returns seconds.
    """

    def __init__(self, app: ASGIApp, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope, self._monotonic)

        async def watch_send(message: Message) -> None:
            entry.sent(message)
            await send(message)

        async def watch_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                entry.close_code = message.get("code", _ABNORMAL_CLOSURE)
            return message

        watched = watch_receive if scope["type"] == "websocket" else receive
        try:
            await self._app(scope, watched, watch_send)
        finally:
            entry.over()


class _Entry:
    """What is known of one request so far."""

    def __init__(self, scope: Scope, monotonic: Callable[[], float]) -> None:
        self.close_code: int | None = None
        self._scope = scope
        self._monotonic = monotonic
        self._began = monotonic()
        self._status: int | None = None
        self._method = scope.get("method", "WS")
        self._path = logged_path(scope["path"])

    def sent(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self._status = message["status"]
            case "websocket.accept":
                self._status = _SWITCHING_PROTOCOLS
                self._write("accepted")
            case "websocket.close":
                self.close_code = self.close_code or message.get("code", 1000)

    def over(self) -> None:
        closed = f"closed {self.close_code}" if self.close_code is not None else ""
        self._write(closed if self._method == "WS" else "")

    def _write(self, words: str) -> None:
        state = self._scope.get("state", {})
        session_id, problem = state.get("session_id"), state.get("problem")
        duration = f"{(self._monotonic() - self._began) * 1000:.0f} ms"
        parts = (self._method, self._path, str(self._status or "-"), words, duration, problem)
        level = "DEBUG" if self._scope["path"] in PROBE_PATHS else "INFO"
        logger.bind(session_id=session_id).log(level, "{}", " ".join(filter(None, parts)))
