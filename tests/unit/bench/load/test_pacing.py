import pytest

from voice_agent.bench.load.pacing import GeneratorFigures, Pacing
from voice_agent.client.speech import PACKET_S


def test_sends_are_late_by_what_they_miss_of_their_own_20_ms() -> None:
    pacing = Pacing()
    for index, delay_s in enumerate([0.0, 0.001, 0.03, 0.0]):
        pacing.sent(100.0 + index * PACKET_S + delay_s)
    assert pacing.take() == pytest.approx([0.0, 0.001, 0.03, 0.0])
    assert pacing.take() == []


def test_a_generator_that_falls_behind_for_good_stays_late() -> None:
    pacing = Pacing()
    for index in range(100):
        pacing.sent(5.0 + index * 0.021)
    assert pacing.take()[-1] == pytest.approx(99 * 0.001)


def test_a_generator_in_time_with_cpu_to_spare_counts() -> None:
    assert GeneratorFigures.of([0.001] * 99 + [0.5], 0.4).why_not() is None


def test_a_generator_that_is_late_or_saturated_tells_so() -> None:
    late = GeneratorFigures.of([0.001] * 90 + [0.03] * 10, 0.4).why_not()
    assert late == "the generator was late: 30 ms at the 99th percentile"
    busy = GeneratorFigures.of([0.001], 0.95).why_not()
    assert busy == "the generator was short of CPU: 95% of a core"
