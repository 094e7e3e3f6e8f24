import pytest

from voice_agent.bench.load.pacing import GeneratorFigures
from voice_agent.bench.load.quality import Ramp, Step, next_calls, percentile, slope

REFERENCE_S = 0.7
ON_TIME = GeneratorFigures(sends=600, p99_late_s=0.003, cpu=0.1)
OVERRUN = GeneratorFigures(sends=600, p99_late_s=0.03, cpu=0.1)


def step(
    calls: int = 1,
    *,
    latencies_s: tuple[float, ...] = (0.7, 0.71),
    packets: int = 1000,
    late: int = 0,
    failures: tuple[str, ...] = (),
    cpu: float = 0.1,
    generator: GeneratorFigures = ON_TIME,
) -> Step:
    return Step(calls, 12.0, latencies_s, packets, late, failures, 0, cpu, cpu, 1 << 20, generator)


def ramp_that_holds(limit: int, max_calls: int = 128, *, noise_at: int | None = None) -> list[int]:
    """Return the numbers of calls tried on a server that holds `limit`."""
    ramp, disturbed = Ramp(), False
    while (calls := next_calls(ramp, REFERENCE_S, max_calls)) is not None:
        slow = calls > limit or (calls == noise_at and not disturbed)
        disturbed = disturbed or calls == noise_at
        ramp.steps.append(step(calls, latencies_s=(2.0,) if slow else (0.7,)))
        assert len(ramp.steps) < 50, "the ramp does not end"
    assert ramp.held(REFERENCE_S) <= limit
    return [each.calls for each in ramp.steps]


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


def test_a_step_whose_generator_was_late_does_not_count() -> None:
    late = step(8, generator=OVERRUN)
    assert not late.counts
    assert Ramp([step(4), late]).held(REFERENCE_S) == 4


def test_the_most_calls_that_held_are_the_result_though_fewer_broke_once() -> None:
    noisy = step(4, latencies_s=(2.0,))
    assert Ramp([step(1), noisy, step(4), step(8, latencies_s=(2.0,))]).held(REFERENCE_S) == 4


@pytest.mark.parametrize("limit", [1, 3, 5, 11, 20, 37, 100])
def test_the_ramp_finds_how_many_calls_hold_to_an_eighth(limit: int) -> None:
    tried = ramp_that_holds(limit)
    held = max(calls for calls in tried if calls <= limit)
    assert limit - held <= max(0, held // 8)


def test_the_ramp_ends_at_the_most_calls_that_were_asked_for() -> None:
    assert ramp_that_holds(1000, max_calls=10) == [1, 2, 4, 6, 8]


def test_one_noisy_moment_does_not_decide() -> None:
    assert ramp_that_holds(12, noise_at=6)[:6] == [1, 2, 4, 6, 6, 8]


def test_a_server_that_holds_nothing_is_tried_twice() -> None:
    assert ramp_that_holds(0) == [1, 1]


def test_the_slope_is_what_one_more_call_costs() -> None:
    assert slope([(1, 0.10), (4, 0.25), (8, 0.45)]) == pytest.approx(0.05)
    assert slope([(4, 0.2), (4, 0.3)]) is None


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 95) is None
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0
