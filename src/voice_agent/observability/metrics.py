"""Prometheus metrics: a listener of events, and collectors of what can be counted when asked.

Labels have few values each: no session, client or text is ever one.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from voice_agent.core.events import (
    AgentTurnEnded,
    ErrorOccurred,
    Event,
    LatencyMeasured,
    LegEnded,
    LegStarted,
    ProviderFailed,
    SessionStateChanged,
    TransportSwitched,
    UserTurnEnded,
)
from voice_agent.core.service_pool import ResourceStatistics
from voice_agent.core.session import SessionState
from voice_agent.observability.exposition import families_of
from voice_agent.observability.metric_totals import Families
from voice_agent.observability.pool_metrics import PoolMetrics
from voice_agent.observability.webhooks.sender import SenderStatistics
from voice_agent.storage.archive_writer import ArchiveStatistics

LATENCY_BUCKETS_S: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_INSTANCE: Final = re.compile(r"#\d+$")


class Metrics:
    """The metrics of this process. Called with an event, it counts it.

    Args:
        pool: What returns the counts of the service pool.
    """

    def __init__(self, pool: Callable[[], Sequence[ResourceStatistics]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(PoolMetrics(pool))
        ProcessCollector(registry=self._registry)
        self._sessions_created = self._counter("sessions_created", "Sessions that began.")
        self._sessions_ended = self._counter("sessions_ended", "Sessions that ended.", "reason")
        self._legs_started = self._counter("legs_started", "Legs that began.", "transport")
        self._legs_ended = self._counter("legs_ended", "Legs that ended.", "reason")
        self._switches = self._counter(
            "transport_switches", "Legs over another transport than before.", "transport", "reason"
        )
        self._turns = self._counter("turns", "Turns that ended.", "speaker")
        self._interruptions = self._counter(
            "interruptions", "Turns of the agent that the user cut off."
        )
        self._failures = self._counter(
            "provider_failures", "Errors of a part of the pipeline.", "provider", "permanent"
        )
        self._errors = self._counter("errors", "Legs refused or failed.", "code")
        self._latency = self._histogram(
            "answer_latency_seconds", "From the end of the user's speech to the first audio."
        )
        self._parts = self._histogram(
            "answer_part_seconds", "What an answer's latency is made of.", "part"
        )

    def collect_sessions(self, states: Callable[[], Mapping[SessionState, int]]) -> None:
        """Count live sessions by state, as `states` returns them, whenever metrics are asked."""
        self._registry.register(_SessionStates(states))

    def collect_archive(self, statistics: Callable[[], ArchiveStatistics]) -> None:
        """Count what waits to be written to the archive, whenever metrics are asked."""
        self._registry.register(_Archive(statistics))

    def collect_webhooks(self, statistics: SenderStatistics, dropped: Callable[[], int]) -> None:
        """Count what was sent to webhooks, and what they were not told, when metrics are asked."""
        self._registry.register(_Webhooks(statistics, dropped))

    def families(self) -> Families:
        """Return all metrics as they are now."""
        return families_of(self._registry)

    def memory(self) -> int | None:
        """Return the memory that this process holds, in bytes, None where it cannot be known."""
        held = self._registry.get_sample_value("process_resident_memory_bytes")
        return None if held is None else int(held)

    def __call__(self, event: Event) -> None:
        """Count one event."""
        match event.payload:
            case SessionStateChanged(state=SessionState.CREATED):
                self._sessions_created.inc()
            case SessionStateChanged(state=SessionState.ENDED, reason=reason):
                self._sessions_ended.labels(reason.value if reason else "unknown").inc()
            case LegStarted(transport=transport):
                self._legs_started.labels(str(transport)).inc()
            case TransportSwitched(now=now, reason=reason):
                self._switches.labels(str(now), str(reason)).inc()
            case LegEnded(reason=reason):
                self._legs_ended.labels(str(reason)).inc()
            case UserTurnEnded():
                self._turns.labels("user").inc()
            case AgentTurnEnded(interrupted=interrupted, lost=lost):
                self._turns.labels("agent").inc()
                self._interruptions.inc(interrupted and not lost)
            case LatencyMeasured() as latency:
                self._latency.observe(latency.total_s)
                for part in ("turn", "llm", "tts"):
                    self._parts.labels(part).observe(getattr(latency, f"{part}_s"))
            case ProviderFailed(provider=provider, permanent=permanent):
                # Pipecat numbers its processors: a new name for every leg.
                name = _INSTANCE.sub("", provider)
                self._failures.labels(name, str(permanent).lower()).inc()
            case ErrorOccurred(code=code):
                self._errors.labels(code).inc()
            case _:
                pass

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"voice_agent_{name}", help_text, labels, registry=self._registry)

    def _histogram(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(
            f"voice_agent_{name}",
            help_text,
            labels,
            registry=self._registry,
            buckets=LATENCY_BUCKETS_S,
        )


class _Archive(Collector):
    def __init__(self, statistics: Callable[[], ArchiveStatistics]) -> None:
        self._statistics = statistics

    def collect(self) -> Iterable[Metric]:
        now = self._statistics()
        yield GaugeMetricFamily(
            "voice_agent_archive_waiting", "Events that wait to be written.", now.waiting
        )
        yield CounterMetricFamily(
            "voice_agent_archive_dropped", "Events that were given up.", now.dropped
        )
        yield CounterMetricFamily(
            "voice_agent_archive_failures", "Writes that the database did not take.", now.failures
        )


class _Webhooks(Collector):
    def __init__(self, statistics: SenderStatistics, dropped: Callable[[], int]) -> None:
        self._statistics = statistics
        self._dropped = dropped

    def collect(self) -> Iterable[Metric]:
        outcomes = CounterMetricFamily(
            "voice_agent_webhook_messages",
            "Messages to webhooks that came to an end.",
            labels=("outcome",),
        )
        outcomes.add_metric(("delivered",), self._statistics.delivered)
        outcomes.add_metric(("given_up",), self._statistics.given_up)
        outcomes.add_metric(("dropped",), self._dropped())
        yield outcomes
        yield CounterMetricFamily(
            "voice_agent_webhook_failed_attempts",
            "Attempts that a webhook did not take.",
            self._statistics.failed_attempts,
        )


class _SessionStates(Collector):
    def __init__(self, states: Callable[[], Mapping[SessionState, int]]) -> None:
        self._states = states

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("voice_agent_sessions", "Live sessions.", labels=("state",))
        states = self._states()
        for state in SessionState:
            if state is not SessionState.ENDED:
                gauge.add_metric((state.value,), states.get(state, 0))
        yield gauge
