"""Lists of rows in pages: the newest first, and of one moment by id."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import and_, or_

from voice_agent.core.pages import Page, decode_cursor, encode_cursor

ItemT = TypeVar("ItemT")


def newest_first(query: Any, table: Any, cursor: str | None, limit: int) -> Any:
    """Return `query` for the page behind `cursor`, with one row more, which shows that there are.

    Args:
        query: Selects rows of `table`.
        table: Has `created_at` and `id`.
        cursor: Where the page before has ended; None for the first page.
        limit: How many rows a page has at most.

    Raises:
        CursorInvalidError: No page has ended with that cursor.
    """
    if cursor is not None:
        at, last_id = decode_cursor(cursor)
        same_moment = and_(table.created_at == at, table.id < last_id)
        query = query.where(or_(table.created_at < at, same_moment))
    return query.order_by(table.created_at.desc(), table.id.desc()).limit(limit + 1)


def page_of(rows: Sequence[Any], limit: int, item_of: Callable[[Any], ItemT]) -> Page[ItemT]:
    """Return the page that `rows` are, which such a query has found."""
    found = rows[:limit]
    more = len(rows) > limit
    next_cursor = encode_cursor(found[-1].created_at, found[-1].id) if more else None
    return Page([item_of(row) for row in found], next_cursor)
