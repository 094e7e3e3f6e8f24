import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.ways import Way
from voice_agent.core.staggered_race import staggered_race

pytestmark = pytest.mark.virtual_time

HEAD_START_S = 1.0


def race(
    *ways: Way, failed: Callable[[int, BaseException], None] = lambda _, __: None
) -> Coroutine[Any, Any, str | None]:
    return staggered_race(ways, HEAD_START_S, failed)


async def test_one_that_is_quick_is_alone() -> None:
    first, second = Way("first", 0.9), Way("second", 0.1)
    assert await race(first, second) == "first"
    assert second.began_at is None


async def test_a_slow_one_is_overtaken_and_cancelled() -> None:
    began = asyncio.get_running_loop().time()
    first, second = Way("first", None), Way("second", 0.5)
    assert await race(first, second) == "second"
    assert second.began_at == pytest.approx(began + HEAD_START_S, abs=0.01)
    assert first.was_cancelled


async def test_of_two_at_once_the_earlier_counts() -> None:
    assert await race(Way("first", 1.5), Way("second", 0.5)) == "first"


async def test_the_next_begins_as_soon_as_one_has_failed() -> None:
    began = asyncio.get_running_loop().time()
    told: list[tuple[int, str]] = []
    second = Way("second", 0.1)
    ways = (Way("first", 0.2, ValueError("no")), second)
    winner = await race(*ways, failed=lambda place, error: told.append((place, str(error))))
    assert (winner, told) == ("second", [(0, "no")])
    assert second.began_at == pytest.approx(began + 0.2, abs=0.01)


async def test_none_wins_when_all_fail_or_there_is_none() -> None:
    assert await race(Way("first", 0.1, OSError()), Way("second", 0.1, OSError())) is None
    assert await race() is None


async def test_what_is_raised_at_a_failure_ends_the_race() -> None:
    def give_up(_: int, error: BaseException) -> None:
        raise error

    other = Way("other", None)
    with pytest.raises(ValueError, match="no"):
        await race(other, Way("first", 0.1, ValueError("no")), failed=give_up)
    assert other.was_cancelled


async def test_nothing_runs_on_when_nobody_waits_any_more() -> None:
    ways = Way("first", None), Way("second", None)
    waiting = asyncio.create_task(race(*ways))
    await asyncio.sleep(HEAD_START_S + 0.5)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert [way.was_cancelled for way in ways] == [True, True]
