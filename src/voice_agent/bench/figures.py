"""Figures as people and machines read them: distributions, tables, JSON. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Distribution:
    """What many measurements of one quantity come to.

    Attributes:
        count: How many there are.
        median: Half of them are at most this.
        p95: 95 of 100 are at most this.
        worst: The largest.
    """

    count: int
    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the distribution of `values`.

        Raises:
            ValueError: There are none.
        """
        if not values:
            raise ValueError("nothing was measured")
        median, p95 = np.percentile(values, [50, 95])
        return cls(len(values), float(median), float(p95), float(max(values)))

    def in_milliseconds(self) -> dict[str, str]:
        """Return the cells of a table for values in seconds."""
        return {
            "n": str(self.count),
            "median": f"{self.median * 1000:.0f} ms",
            "p95": f"{self.p95 * 1000:.0f} ms",
            "worst": f"{self.worst * 1000:.0f} ms",
        }


def as_table(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Return a table of text: one line for each row, cells by column, in the first row's order."""
    columns = list(dict.fromkeys(name for cells in rows.values() for name in cells))
    lines = [["", *columns]]
    lines += [
        [name, *(cells.get(column, "") for column in columns)] for name, cells in rows.items()
    ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns) + 1)]
    return "\n".join(
        line[0].ljust(widths[0])
        + "".join(
            f"  {cell.rjust(width)}" for cell, width in zip(line[1:], widths[1:], strict=True)
        )
        for line in lines
    )


def as_json(result: Any) -> str:
    """Return a result (a dataclass) as one JSON document, times rounded to milliseconds."""
    return json.dumps(_plain(result), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
