"""The metrics of several processes as those of one."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from voice_agent.observability.exposition import exposition, families_of
from voice_agent.observability.metric_totals import (
    Families,
    Family,
    Sample,
    add_up,
    counters_only,
    from_json,
    gauge,
    to_json,
)


def process(calls: int, seconds: float, open_now: int) -> Families:
    """Return the metrics of a process, gone through JSON as they do."""
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls.", ["kind"], registry=registry)
    counter.labels("a").inc(calls)
    counter.labels(f"only {calls}").inc()
    Gauge("open", "Open.", registry=registry).set(open_now)
    Histogram("wait", "Waits.", registry=registry, buckets=(1.0, 2.0)).observe(seconds)
    return from_json(to_json(families_of(registry)))


def values(families: Families) -> dict[tuple[str, ...], float]:
    text, _ = exposition(families, "")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counts_sizes_and_buckets_are_added() -> None:
    assert values(add_up((process(3, 0.5, 2), process(4, 1.5, 1)))) == {
        ("calls_total", "a"): 7,
        ("calls_total", "only 3"): 1,
        ("calls_total", "only 4"): 1,
        ("open",): 3,
        ("wait_bucket", "1.0"): 1,
        ("wait_bucket", "2.0"): 2,
        ("wait_bucket", "+Inf"): 2,
        ("wait_count",): 2,
        ("wait_sum",): 2.0,
    }


def test_what_is_no_sum_is_not_added() -> None:
    start, longest = "process_start_time_seconds", "voice_agent_pool_wait_longest_seconds"
    each = [[gauge(start, "", at), gauge(longest, "", wait)] for at, wait in ((9, 1), (5, 4))]
    assert values(add_up(each)) == {(start,): 5, (longest,): 4}
    created = [[Family("c", "counter", "", (Sample("c_created", (), at),))] for at in (30.0, 20.0)]
    assert add_up(created)[0].samples[0].value == 20.0


def test_only_counters_are_kept_of_a_process_that_is_gone() -> None:
    assert {family.name for family in counters_only(process(1, 1.0, 1))} == {"calls", "wait"}


def test_one_alone_reads_as_its_registry_does() -> None:
    families = process(3, 0.5, 2)
    assert values(add_up([families])) == values(families)
    text, media_type = exposition(families, "application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert text.decode().endswith("# EOF\n")
