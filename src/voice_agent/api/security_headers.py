"""Headers that tell a browser what a page of this server may do."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_CONTENT_DIRECTIVES = (
    "default-src 'self'",
    "script-src 'self' blob: 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob: data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
PERMISSIONS_POLICY = "microphone=(self), camera=(), geolocation=(), display-capture=()"


def content_policy(websocket_origins: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy of the console.

    `blob:` is for the official clients' audio worklets and workers, `wasm-unsafe-eval` for
    compiled codecs. Not every browser counts a WebSocket of the same host as `'self'`, so
    `websocket_origins` (`ws://host:port`) are named.
    """
    connect = " ".join(("connect-src 'self'", *websocket_origins))
    return "; ".join((*_CONTENT_DIRECTIVES, connect))


class SecurityHeaders:
    """Middleware: puts `EVERYWHERE` on each response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its response gets the headers it does not set itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in EVERYWHERE.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
