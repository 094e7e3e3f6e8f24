"""Remembers rows of the database for a few seconds, so that not every request asks it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

REMEMBERED_S: Final = 3.0
"""How long a revocation made by another process may go unnoticed, in seconds."""
MAX_ROWS: Final = 10_000

RowT = TypeVar("RowT")


class ShortMemory(Generic[RowT]):
    """Reads by id through `read`; what does not exist is not remembered.

    `monotonic` returns seconds.
    """

    def __init__(
        self, read: Callable[[str], Awaitable[RowT | None]], monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._rows: OrderedDict[str, tuple[RowT, float]] = OrderedDict()

    async def get(self, row_id: str) -> RowT | None:
        """Return the row as it is or was a few seconds ago, None when there is none."""
        known = self._rows.get(row_id)
        if known is not None and self._monotonic() - known[1] < REMEMBERED_S:
            return known[0]
        asked_at = self._monotonic()
        row = await self._read(row_id)
        self._rows.pop(row_id, None)
        if row is not None:
            self._rows[row_id] = (row, asked_at)
            while len(self._rows) > MAX_ROWS:
                self._rows.popitem(last=False)
        return row

    def forget(self, row_id: str) -> None:
        """Ask the database the next time."""
        self._rows.pop(row_id, None)
