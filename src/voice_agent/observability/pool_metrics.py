"""The service pool's counts as Prometheus has them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from voice_agent.core.service_pool import ResourceKey, ResourceStatistics

_LABELS: Final = ("kind", "purpose", "provider")
_GAUGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "size": "How many exist; of slots, how many there are.",
        "in_use": "How many leases hold one.",
        "idle": "How many could be lent at once.",
        "building": "How many are being built.",
        "waiting": "How many leases wait for one.",
    }
)
_COUNTERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "waits": ("waits", "How many leases had to wait."),
        "wait_total_s": ("wait_seconds", "How long leases waited, in seconds."),
        "created": ("created", "How many were built."),
        "reused": ("reused", "How often a lease got what another had had."),
        "failures": ("failures", "How many builds failed."),
        "quarantined": ("quarantined", "How many failed their reset or health check."),
        "retired": ("retired", "How many were closed for their age, or as not needed."),
    }
)

_Labels = tuple[str, str, str]


class _Odometer:
    """Sums of a counter that never go back, though resources are forgotten and come again."""

    def __init__(self) -> None:
        self._before: dict[_Labels, float] = defaultdict(float)
        self._last: dict[ResourceKey, float] = {}

    def read(self, values: Mapping[ResourceKey, float]) -> Mapping[_Labels, float]:
        for key, last in self._last.items():
            if values.get(key, 0.0) < last:
                self._before[_labels(key)] += last
        self._last = dict(values)
        sums = defaultdict(float, self._before)
        for key, value in values.items():
            sums[_labels(key)] += value
        return sums


class PoolMetrics(Collector):
    """Collects `statistics()` when it is scraped; versions of agents are added up."""

    def __init__(self, statistics: Callable[[], Sequence[ResourceStatistics]]) -> None:
        self._statistics = statistics
        self._odometers = {name: _Odometer() for name in _COUNTERS}

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is shows when it is collected."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return a family of samples for each count, labelled by kind, purpose and provider."""
        rows = self._statistics()
        for name, help_text in _GAUGES.items():
            gauge = GaugeMetricFamily(f"voice_agent_pool_{name}", help_text, labels=_LABELS)
            for labels, value in _sums(_by_key(rows, name)).items():
                gauge.add_metric(labels, value)
            yield gauge
        for name, (shown, help_text) in _COUNTERS.items():
            counter = CounterMetricFamily(f"voice_agent_pool_{shown}", help_text, labels=_LABELS)
            for labels, value in self._odometers[name].read(_by_key(rows, name)).items():
                counter.add_metric(labels, value)
            yield counter
        longest: dict[_Labels, float] = defaultdict(float)
        for row in rows:
            longest[_labels(row.key)] = max(longest[_labels(row.key)], row.wait_longest_s)
        gauge = GaugeMetricFamily(
            "voice_agent_pool_wait_longest_seconds", "The longest wait so far.", labels=_LABELS
        )
        for labels, value in longest.items():
            gauge.add_metric(labels, value)
        yield gauge


def _by_key(rows: Iterable[ResourceStatistics], name: str) -> Mapping[ResourceKey, float]:
    values: dict[ResourceKey, float] = defaultdict(float)
    for row in rows:
        values[row.key] += getattr(row, name)
    return values


def _sums(values: Mapping[ResourceKey, float]) -> Mapping[_Labels, float]:
    sums: dict[_Labels, float] = defaultdict(float)
    for key, value in values.items():
        sums[_labels(key)] += value
    return sums


def _labels(key: ResourceKey) -> _Labels:
    return (key.kind.value, key.purpose, key.provider)
