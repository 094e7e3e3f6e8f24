import pytest

from tests.unit.bench.load.steps import OVERRUN, REFERENCE_S, step
from voice_agent.bench.load.ramp import Ramp, next_calls


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


def test_a_step_that_does_not_count_holds_nothing() -> None:
    assert Ramp([step(4), step(8, generator=OVERRUN)]).held(REFERENCE_S) == 4


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


def test_what_the_generator_cannot_keep_up_with_stays_unknown() -> None:
    ramp = Ramp([step(1), step(2), *[step(4, generator=OVERRUN)] * 2])
    assert next_calls(ramp, REFERENCE_S, 128) == 4
    ramp.steps.append(step(4, generator=OVERRUN))
    assert next_calls(ramp, REFERENCE_S, 128) == 3
    ramp.steps.append(step(3))
    assert next_calls(ramp, REFERENCE_S, 128) is None
    assert ramp.held(REFERENCE_S) == 3
    assert ramp.may_hold_more(REFERENCE_S)


def test_a_server_that_broke_is_not_said_to_hold_more() -> None:
    ramp = Ramp([step(1), *[step(2, failures=("refused",))] * 2])
    assert not ramp.may_hold_more(REFERENCE_S)
