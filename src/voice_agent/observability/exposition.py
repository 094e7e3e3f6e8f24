"""Metrics from Prometheus' registry to plain values, and from these to what Prometheus reads."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from voice_agent.observability.metric_totals import Families, Family, Sample


def families_of(registry: CollectorRegistry) -> Families:
    """Return all that `registry` collects now."""
    return tuple(
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            tuple(
                Sample(sample.name, tuple(sorted(sample.labels.items())), sample.value)
                for sample in metric.samples
            ),
        )
        for metric in registry.collect()
    )


def exposition(families: Families, accept: str) -> tuple[bytes, str]:
    """Return `families` in the format that `accept` asks for, and its media type."""
    registry = CollectorRegistry()
    registry.register(_Plain(families))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


class _Plain(Collector):
    def __init__(self, families: Families) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.help_text, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric
