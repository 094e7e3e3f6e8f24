"""Which process gets what, as they come, go, and fall silent."""

from collections import Counter

import pytest

from voice_agent.cluster.placement import PLACED_COUNTS_S, SILENT_AFTER_S, Load, Placement
from voice_agent.cluster.routing import ANY, LEAST_LOADED, Destination, Route

QUOTA = 10


def load(sessions: int = 0, *, peers: int = 0, quota: int = QUOTA, is_ready: bool = True) -> Load:
    return Load(sessions, peers, quota, is_ready)


def owner(name: str) -> Route:
    return Route(Destination.OWNER, name)


@pytest.fixture
def placement() -> Placement:
    """Three processes with nothing to do, heard of at 0 s."""
    placement = Placement()
    for name in ("p0", "p1", "p2"):
        placement.heard(name, load(), (), 0.0)
    return placement


def place(placement: Placement, count: int, now: float = 0.0) -> Counter[str | None]:
    """Place so many sessions that no process has said anything of."""
    chosen: Counter[str | None] = Counter()
    for number in range(count):
        name = placement.choose(LEAST_LOADED, now)
        if name is not None:
            placement.placed(name, number, now)
        chosen[name] += 1
    return chosen


def test_a_burst_spreads_evenly_before_anybody_has_reported(placement: Placement) -> None:
    assert place(placement, 30) == {"p0": 10, "p1": 10, "p2": 10}


def test_the_least_loaded_gets_the_next(placement: Placement) -> None:
    placement.heard("p0", load(3), (), 0.0)
    placement.heard("p1", load(2), (), 0.0)
    assert place(placement, 4) == {"p2": 3, "p1": 1}


def test_load_counts_against_the_quota(placement: Placement) -> None:
    placement.gone("p2")
    placement.heard("p0", load(5, quota=20), (), 0.0)
    placement.heard("p1", load(4, quota=10), (), 0.0)
    assert placement.choose(LEAST_LOADED, 0.0) == "p0"


def test_of_equals_the_one_with_fewer_webrtc_calls_is_chosen(placement: Placement) -> None:
    placement.heard("p0", load(2, peers=2), (), 0.0)
    placement.heard("p1", load(2, peers=0), (), 0.0)
    placement.heard("p2", load(2, peers=1), (), 0.0)
    assert {placement.choose(LEAST_LOADED, 0.0) for _ in range(5)} == {"p1"}


def test_what_is_reported_is_not_counted_twice(placement: Placement) -> None:
    place(placement, 3)
    for name in ("p0", "p1", "p2"):
        placement.heard(name, load(1), range(3), 0.0)
    placement.heard("p2", load(0), (), 0.0)
    assert place(placement, 1) == {"p2": 1}


def test_what_never_arrived_stops_counting(placement: Placement) -> None:
    for name in ("p0", "p1"):
        placement.heard(name, load(1), (), 0.0)
    placement.placed("p2", 1, 0.0)
    placement.placed("p2", 2, 0.0)
    later = PLACED_COUNTS_S + 1
    for name in ("p0", "p1"):
        placement.heard(name, load(1), (), later)
    placement.heard("p2", load(0), (), later)
    assert placement.choose(LEAST_LOADED, later) == "p2"
    placement.placed("p2", 3, later)
    placement.placed("p2", 4, later)
    placement.withdrawn("p2", 3)
    placement.withdrawn("p2", 4)
    assert placement.choose(LEAST_LOADED, later) == "p2"


def test_everything_else_goes_round(placement: Placement) -> None:
    assert Counter(placement.choose(ANY, 0.0) for _ in range(9)) == {"p0": 3, "p1": 3, "p2": 3}


def test_an_owner_gets_its_own_even_when_it_is_full_or_silent(placement: Placement) -> None:
    placement.heard("p1", load(QUOTA), (), 0.0)
    assert placement.choose(owner("p1"), 100.0) == "p1"


@pytest.mark.parametrize("name", ["p1", "p9", "another-machine-p0"])
def test_an_owner_that_is_gone_is_replaced(placement: Placement, name: str) -> None:
    placement.gone("p1")
    placement.heard("p0", load(1), (), 0.0)
    assert placement.choose(owner(name), 0.0) == "p2"


def test_a_silent_process_gets_nothing_new_until_it_is_heard_again(placement: Placement) -> None:
    later = SILENT_AFTER_S + 0.1
    placement.heard("p0", load(9), (), later)
    assert {placement.choose(LEAST_LOADED, later) for _ in range(4)} == {"p0"}
    assert {placement.choose(ANY, later) for _ in range(4)} == {"p0"}
    assert placement.silence("p1", later) == later
    placement.heard("p1", load(), (), later)
    assert placement.choose(LEAST_LOADED, later) == "p1"


def test_without_a_process_that_is_ready_there_is_no_choice() -> None:
    placement = Placement()
    placement.heard("p0", load(is_ready=False), (), 0.0)
    for route in (ANY, LEAST_LOADED, owner("p0")):
        assert placement.choose(route, 0.0) is None
    assert placement.silence("p9", 7.0) == 0.0
