"""Signatures as Standard Webhooks has them (https://www.standardwebhooks.com, version 1)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - it is public
_SECRET_BYTES: Final = 24


def new_secret() -> str:
    """Return a new secret in the form that the standard's libraries take."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, timestamp: int, body: str) -> Mapping[str, str]:
    """Return the headers that prove that a message is ours.

    Args:
        secret: The webhook's.
        message_id: The message's: the same with every attempt.
        timestamp: When it is sent, in whole seconds since the Unix epoch.
        body: What is sent.
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{message_id}.{timestamp}.{body}".encode()
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
