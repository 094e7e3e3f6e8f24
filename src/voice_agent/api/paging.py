"""Long lists, a page at a time."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import Query

from voice_agent.api.errors import CursorInvalidError

Position = tuple[float, str]
"""Where a page ended: when its last row was created, and that row's id."""

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before.")
]


class Row(Protocol):
    """What lists are of."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def created_at(self) -> float:
        """When it was made, in seconds of wall time."""


RowT = TypeVar("RowT", bound=Row)


def position_of(cursor: str | None) -> Position | None:
    """Return where the page of `cursor` begins; None at the start.

    Raises:
        CursorInvalidError: No answer of ours had that cursor.
    """
    if cursor is None:
        return None
    try:
        created_at, _, row_id = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        return float(created_at), row_id
    except (ValueError, binascii.Error):
        raise CursorInvalidError(
            "cursor: this is none; send the next_cursor of the page before, or none at all"
        ) from None


def page_of(rows: Sequence[RowT], limit: int) -> tuple[Sequence[RowT], str | None]:
    """Return the page, and the cursor of the next one, None when it is the last.

    Args:
        rows: Up to `limit` rows and one more, which shows that there are more.
        limit: How many are on a page.
    """
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    last = page[-1]
    return page, base64.urlsafe_b64encode(f"{last.created_at!r} {last.id}".encode()).decode()
