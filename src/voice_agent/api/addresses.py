"""The addresses that clients are told to go to."""

from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection

_WEBSOCKET_SCHEMES = {"http": "ws", "https": "wss"}


class Addresses:
    """Builds absolute URLs from `base`, without a slash at its end."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")

    @classmethod
    def of(cls, request: HTTPConnection, public_url: str | None) -> "Addresses":
        """Return those of `public_url` or, without one, of the host that the request names."""
        if public_url is not None:
            return cls(public_url)
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return cls(f"{scheme}://{request.headers['host']}{request.scope.get('root_path', '')}")

    @property
    def websocket_base(self) -> str:
        """The base for WebSockets."""
        scheme, _, rest = self.base.partition("://")
        return f"{_WEBSOCKET_SCHEMES[scheme]}://{rest}"

    @property
    def websocket_origin(self) -> str:
        """Scheme, host and port of every WebSocket address."""
        parts = urlsplit(self.websocket_base)
        return f"{parts.scheme}://{parts.netloc}"

    def offer(self, session_id: str) -> str:
        """Return where a session takes WebRTC offers."""
        return f"{self.base}/v1/sessions/{quote(session_id, safe='')}/offer"

    def session_websocket(self, session_id: str, token: str) -> str:
        """Return where a session takes a WebSocket, with the token that lets in."""
        path = f"/v1/sessions/{quote(session_id, safe='')}/ws"
        return f"{self.websocket_base}{path}?token={quote(token, safe='')}"

    def client_websocket(self) -> str:
        """Return where official clients bring their token to."""
        return f"{self.websocket_base}/ws-client"
