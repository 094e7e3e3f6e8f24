"""The counts of the pools of several processes as those of one. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from voice_agent.core.service_pool import ResourceKey, ResourceKind, ResourceStatistics

_LONGEST = "wait_longest_s"


def add_up(rows: Iterable[ResourceStatistics]) -> Sequence[ResourceStatistics]:
    """Return one row for each key, in the order in which they first come."""
    totals: dict[ResourceKey, ResourceStatistics] = {}
    for row in rows:
        known = totals.get(row.key)
        totals[row.key] = row if known is None else _together(known, row)
    return tuple(totals.values())


def to_json(rows: Iterable[ResourceStatistics]) -> Any:
    """Return `rows` in a form that JSON has; `from_json` reads it."""
    return [asdict(row) for row in rows]


def from_json(value: Any) -> Sequence[ResourceStatistics]:
    """Return the rows that `to_json` was given.

    Raises:
        ValueError, TypeError, KeyError: It was given something else.
    """
    return tuple(_row(**each) for each in value)


def _row(*, key: dict[str, Any], **counts: Any) -> ResourceStatistics:
    kind = ResourceKind(key.pop("kind"))
    return ResourceStatistics(ResourceKey(kind, **key), **counts)


def _together(one: ResourceStatistics, other: ResourceStatistics) -> ResourceStatistics:
    counts = {}
    for field in fields(ResourceStatistics):
        if field.name != "key":
            pair = getattr(one, field.name), getattr(other, field.name)
            counts[field.name] = max(pair) if field.name == _LONGEST else sum(pair)
    return ResourceStatistics(one.key, **counts)
