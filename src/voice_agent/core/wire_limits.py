"""How long what comes over the wire may be, for all that read it."""

from typing import Final

MAX_BODY_BYTES: Final = 128 * 1024
"""Of a request. The largest there is, a browser's WebRTC offer, has some ten thousand bytes."""
