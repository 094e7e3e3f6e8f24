"""What a session token says, read without its key: enough to bring it to who can check it. Pure.

A token is signed, not encrypted: `sessions.tokens` makes it with itsdangerous' URLSafeSerializer.
"""

import base64
import binascii
import json
import zlib
from typing import Final

_MAX_TOKEN_LENGTH: Final = 4096
_MAX_PAYLOAD_BYTES: Final = 4096
_COMPRESSED: Final = "."
"""How a payload begins that was shorter when compressed."""


def session_in(token: str) -> str | None:
    """Return whose token this claims to be, None when it says nothing that can be read.

    Of what else is signed in that way (see `passport`) it returns the first value.
    """
    payload, separator, _ = token.rpartition(".")
    if not separator or len(token) > _MAX_TOKEN_LENGTH:
        return None
    try:
        said = json.loads(_unpacked(payload))
    except (ValueError, zlib.error, binascii.Error, RecursionError):
        return None
    session_id = said[0] if isinstance(said, list) and said else None
    return session_id if isinstance(session_id, str) else None


def _unpacked(payload: str) -> bytes:
    encoded = payload.removeprefix(_COMPRESSED)
    content = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if encoded is payload or encoded == payload:
        return content
    return zlib.decompressobj().decompress(content, _MAX_PAYLOAD_BYTES)
