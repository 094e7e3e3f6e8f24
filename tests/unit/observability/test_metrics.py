"""What is counted, as a Prometheus server reads it."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    AgentTurnEnded,
    ErrorOccurred,
    Event,
    EventPayload,
    LatencyMeasured,
    LegEnded,
    LegStarted,
    ProviderFailed,
    SessionStateChanged,
    SpeakingStarted,
    UserTurnEnded,
)
from voice_agent.core.service_pool import ResourceKey, ResourceKind, ResourceStatistics
from voice_agent.core.session import EndReason, SessionState
from voice_agent.observability.exposition import exposition
from voice_agent.observability.metrics import Metrics


def row(version: str, **counts: int) -> ResourceStatistics:
    key = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "pocketsphinx", "secret", version)
    return ResourceStatistics(key, **{"size": 0, "in_use": 0, **counts})


def samples(metrics: Metrics) -> Mapping[str, float]:
    """Return what is read, by name and the values of its labels in the order of their names."""
    body, media_type = exposition(metrics.families(), "")
    assert media_type.startswith("text/plain")
    return {
        ":".join(
            [sample.name, *(value for _, value in sorted(sample.labels.items()))]
        ): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def tell(metrics: Metrics, *payloads: EventPayload) -> None:
    for number, payload in enumerate(payloads, start=1):
        metrics(Event("a-session-id", number, 0.0, 0.0, payload))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(list)


def test_events_are_counted(metrics: Metrics) -> None:
    tell(
        metrics,
        SessionStateChanged(SessionState.CREATED),
        LegStarted("leg-1", "webrtc"),
        SpeakingStarted(Speaker.USER),
        UserTurnEnded("When are you open?"),
        AgentTurnEnded(interrupted=True),
        AgentTurnEnded(interrupted=False),
        ErrorOccurred("pool_refused", "busy"),
        LegEnded("leg-1", "client_left"),
        SessionStateChanged(SessionState.ENDED, EndReason.CLIENT_LEFT),
    )
    assert {
        name: value
        for name, value in samples(metrics).items()
        if name.startswith("voice_agent_") and not name.split(":")[0].endswith("_created") and value
    } == {
        "voice_agent_sessions_created_total": 1,
        "voice_agent_legs_started_total:webrtc": 1,
        "voice_agent_turns_total:user": 1,
        "voice_agent_turns_total:agent": 2,
        "voice_agent_interruptions_total": 1,
        "voice_agent_errors_total:pool_refused": 1,
        "voice_agent_legs_ended_total:client_left": 1,
        "voice_agent_sessions_ended_total:client_left": 1,
    }


def test_latency_is_a_histogram_of_the_whole_and_of_its_parts(metrics: Metrics) -> None:
    tell(metrics, LatencyMeasured(total_s=0.75, turn_s=0.35, llm_s=0.25, tts_s=0.15))
    read = samples(metrics)
    assert read["voice_agent_answer_latency_seconds_bucket:0.6"] == 0
    assert read["voice_agent_answer_latency_seconds_bucket:0.8"] == 1
    assert read["voice_agent_answer_part_seconds_sum:llm"] == 0.25


def test_no_label_grows_with_the_number_of_legs(metrics: Metrics) -> None:
    tell(metrics, *(ProviderFailed(f"OpenAILLMService#{n}", "away", False) for n in range(100)))
    read = samples(metrics)
    assert read["voice_agent_provider_failures_total:false:OpenAILLMService"] == 100
    assert "a-session-id" not in str(read)


def test_live_sessions_are_counted_by_state_when_asked(metrics: Metrics) -> None:
    metrics.collect_sessions(lambda: {SessionState.CONNECTED: 3})
    read = samples(metrics)
    assert read["voice_agent_sessions:connected"] == 3
    assert read["voice_agent_sessions:suspended"] == 0


def test_counters_of_the_pool_never_go_back_when_a_version_is_forgotten() -> None:
    rows = [row("v1", size=1, created=5), row("v2", size=2, created=1)]
    metrics = Metrics(lambda: rows)

    def read() -> tuple[float, float]:
        found, labels = samples(metrics), "exclusive:pocketsphinx:stt"
        size = found[f"voice_agent_pool_size:{labels}"]
        return size, found[f"voice_agent_pool_created_total:{labels}"]

    assert read() == (3, 6)
    rows = [row("v2", size=2, created=2)]
    assert read() == (2, 7)
    rows = [row("v1", size=1, created=1), row("v2", size=2, created=2)]
    assert read() == (3, 8)
