"""Metrics as plain values, and how those of several processes add up. Pure, and light to import."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted."""

COUNTERS: Final = ("counter", "histogram", "summary")
"""The kinds of families that only ever grow."""
_SMALLEST: Final = "process_start_time_seconds"
_LARGEST: Final = "voice_agent_pool_wait_longest_seconds"
_CREATED: Final = "_created"
"""How the name of a sample ends that says when its counter began."""


@dataclass(frozen=True)
class Sample:
    """One value."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True)
class Family:
    """All samples of one metric; `kind` is what Prometheus calls its type."""

    name: str
    kind: str
    help_text: str
    samples: tuple[Sample, ...]


Families = Sequence[Family]


def add_up(of_each: Iterable[Families]) -> Families:
    """Return the metrics of all processes as those of one.

    Counts and sizes are added; of starting times the earliest and of longest waits the longest
    stands.
    """
    heads: dict[str, Family] = {}
    totals: dict[str, dict[tuple[str, Labels], float]] = {}
    for families in of_each:
        for family in families:
            heads.setdefault(family.name, family)
            values = totals.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, sample.labels)
                known = values.get(key)
                values[key] = (
                    sample.value if known is None else _together(sample.name, known, sample.value)
                )
    return tuple(
        Family(
            name,
            head.kind,
            head.help_text,
            tuple(Sample(*key, value) for key, value in totals[name].items()),
        )
        for name, head in heads.items()
    )


def counters_only(families: Families) -> Families:
    """Return what must not be lost when a process is gone, or the counters would go backwards."""
    return tuple(family for family in families if family.kind in COUNTERS)


def gauge(name: str, help_text: str, value: float) -> Family:
    """Return a metric without labels that may go up and down."""
    return Family(name, "gauge", help_text, (Sample(name, (), value),))


def counter(name: str, help_text: str, value: float) -> Family:
    """Return a metric without labels that only grows; its sample's name ends with `_total`."""
    return Family(name, "counter", help_text, (Sample(f"{name}_total", (), value),))


def to_json(families: Families) -> Any:
    """Return `families` in a form that JSON has; `from_json` reads it."""
    return [
        [f.name, f.kind, f.help_text, [[s.name, s.labels, s.value] for s in f.samples]]
        for f in families
    ]


def from_json(value: Any) -> Families:
    """Return what `to_json` made of them.

    Raises:
        ValueError, TypeError: It made something else.
    """
    return tuple(
        Family(name, kind, help_text, tuple(_sample(*each) for each in samples))
        for name, kind, help_text, samples in value
    )


def _sample(name: str, labels: Any, value: float) -> Sample:
    return Sample(name, tuple((key, text) for key, text in labels), value)


def _together(name: str, one: float, other: float) -> float:
    if name == _SMALLEST or name.endswith(_CREATED):
        return min(one, other)
    return max(one, other) if name == _LARGEST else one + other
