from dataclasses import replace

import pytest

from tests.unit.bench.load.steps import OVERRUN, REFERENCE_S, step
from voice_agent.bench.load.quality import Step, percentile, slope


def test_quality_holds_when_answers_are_in_time_and_whole() -> None:
    assert step(latencies_s=(0.7, 0.84), late=5).broken(REFERENCE_S) == []


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (step(latencies_s=(0.7, 1.2)), "p95 1175 ms is over 850 ms"),
        (step(late=6), "0.6% of the audio came late"),
        (step(failures=("no word within 10 s",)), "1 calls failed, the first: no word within 10 s"),
        (step(latencies_s=()), "nobody was answered"),
    ],
)
def test_what_breaks_quality_is_told(broken: Step, why: str) -> None:
    assert broken.broken(REFERENCE_S) == [why]


def test_the_slope_is_what_one_more_call_costs() -> None:
    assert slope([(1, 0.10), (4, 0.25), (8, 0.45)]) == pytest.approx(0.05)
    assert slope([(4, 0.2), (4, 0.3)]) is None


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 95) is None
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0


def test_a_step_whose_generator_was_late_does_not_count() -> None:
    assert step().counts
    assert not step(generator=OVERRUN).counts


def test_what_makes_answers_late_does_not_change_what_calls_cost() -> None:
    assert step(generator=OVERRUN, latencies_s=(1.2,), late=500).tells_cost
    assert not step(latencies_s=(1.2, 6.0)).tells_cost
    assert not step(failures=("refused",)).tells_cost
    assert not step(cpu=0.97).tells_cost


def test_a_step_whose_core_others_used_does_not_count() -> None:
    assert replace(step(), disturbance=0.04).counts
    disturbed = replace(step(), disturbance=0.34)
    assert disturbed.why_not() == "others used 34% of the server's core"
