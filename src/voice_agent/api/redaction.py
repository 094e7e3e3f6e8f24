"""Keeps secrets, and one false alarm, out of log lines that the ASGI server writes."""

import logging
import re

_SECRETS = re.compile(
    r"""
      (?P<query> [?&] (?:token|access_token) = ) [^&\s"'#]+
    | (?P<path> /sessions/ ) [^/\s"'?]+ (?= /api/offer )
    | (?P<credential> \b (?: vak_(?:secret|public) | vat | vrt | vst ) _ ) [\w.-]+
    | (?P<header> authorization: \s* (?:bearer|basic)? \s* ) [^\s"']+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SERVER_LOGGERS = ("uvicorn.access", "uvicorn.asgi", "uvicorn.error", "websockets.server")
_FALSE_ALARM = "ASGI callable returned without completing handshake."
"""uvicorn (0.54) says so, as an error, of each handshake that was refused with a response.

Every handshake is answered here: `FailureGuard` sees to it.
"""


def without_secrets(text: str) -> str:
    """Return `text` with tokens in URLs and credentials in headers masked."""
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}***", text)


class ServerLogFilter(logging.Filter):
    """Rewrites records; uvicorn logs WebSocket addresses with their query, that is, the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask what is secret in `record`; return whether it may pass."""
        message = record.getMessage()
        masked = without_secrets(message)
        if masked != message:
            record.msg, record.args = masked, None
        return message != _FALSE_ALARM


def filter_server_logs() -> None:
    """Put a `ServerLogFilter` on the loggers of the ASGI server. Calling it again adds none."""
    for name in _SERVER_LOGGERS:
        server_logger = logging.getLogger(name)
        if not any(isinstance(known, ServerLogFilter) for known in server_logger.filters):
            server_logger.addFilter(ServerLogFilter())
