"""Keeps secrets out of log lines that others write."""

import logging
import re

_SECRETS = re.compile(
    r"""
      (?P<query> [?&] (?:token|access_token) = ) [^&\s"'#]+
    | (?P<path> /sessions/ ) [^/\s"'?]+ (?= /api/offer )
    | (?P<header> authorization: \s* (?:bearer|basic)? \s* ) [^\s"']+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SERVER_LOGGERS = ("uvicorn.access", "uvicorn.asgi", "uvicorn.error", "websockets.server")


def without_secrets(text: str) -> str:
    """Return `text` with tokens in URLs and credentials in headers masked."""
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}***", text)


class RedactingFilter(logging.Filter):
    """Rewrites records; uvicorn logs WebSocket addresses with their query, that is, the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask what is secret in `record` and let it pass."""
        message = record.getMessage()
        masked = without_secrets(message)
        if masked != message:
            record.msg, record.args = masked, None
        return True


def redact_server_logs() -> None:
    """Put a `RedactingFilter` on the loggers of the ASGI server. Calling it again adds none."""
    for name in _SERVER_LOGGERS:
        server_logger = logging.getLogger(name)
        if not any(isinstance(known, RedactingFilter) for known in server_logger.filters):
            server_logger.addFilter(RedactingFilter())
