"""Pages of long lists: where the next one begins, as text that clients bring back unread."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from voice_agent.core.errors import CursorInvalidError

ItemT = TypeVar("ItemT")

MAX_CURSOR_LENGTH: Final = 500
"""Characters."""


@dataclass(frozen=True)
class Page(Generic[ItemT]):
    """Some items of a list; `next_cursor` is None on the last page."""

    items: Sequence[ItemT]
    next_cursor: str | None = None


def encode_cursor(at: float, identifier: str) -> str:
    """Return the cursor that stands behind the item of that time and id."""
    return base64.urlsafe_b64encode(json.dumps([at, identifier]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[float, str]:
    """Return the time and id that a cursor stands behind.

    Raises:
        CursorInvalidError: `encode_cursor` has not made it.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, identifier = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not isinstance(identifier, str) or not isinstance(at, float | int):
            raise TypeError  # noqa: TRY301
        return float(at), identifier
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise CursorInvalidError(
            "this cursor is none of this list's; take 'next_cursor' of the page before, or leave "
            "it away to begin at the first"
        ) from None
