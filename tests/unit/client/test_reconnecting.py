"""When a client tries to come back, and when it gives up."""

import asyncio
from itertools import islice

import pytest

from voice_agent.client.errors import CallError, CallRefusedError, ServerUnreachableError
from voice_agent.client.reconnecting import Reconnection, waits

pytestmark = pytest.mark.virtual_time
NOBODY = ServerUnreachableError("nobody is there")


class Road:
    """What each attempt comes to, and when it was made."""

    def __init__(self, *outcomes: CallError | None, window_s: float = 10.0) -> None:
        self.outcomes = list(outcomes)
        self.at: list[float] = []
        self.over: list[str] = []
        self.reconnection = Reconnection(window_s, self._attempt, self.over.append)
        self._start = 0.0

    def lose(self) -> None:
        """The connection is lost."""
        self._start = asyncio.get_running_loop().time()
        self.at.clear()
        self.reconnection.begin()

    async def _attempt(self) -> None:
        self.at.append(asyncio.get_running_loop().time() - self._start)
        outcome = self.outcomes.pop(0) if self.outcomes else NOBODY
        if outcome is not None:
            raise outcome


def test_waits_grow_from_none_to_two_seconds() -> None:
    full = list(islice(waits(lambda: 0.0), 8))
    assert full == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    halved = list(islice(waits(lambda: 1.0), 8))
    assert halved == pytest.approx([wait / 2 for wait in full])


async def test_it_tries_at_once_and_goes_on_until_it_is_back() -> None:
    road = Road(NOBODY, NOBODY, None)
    road.lose()
    await asyncio.sleep(20)
    assert len(road.at) == 3
    assert road.at[0] == pytest.approx(0, abs=0.01)
    assert 0.05 <= road.at[1] <= 0.11
    assert not road.over


async def test_it_gives_up_when_the_window_is_over() -> None:
    road = Road(window_s=10)
    road.lose()
    await asyncio.sleep(9.9)
    assert not road.over
    await asyncio.sleep(0.2)
    assert road.over == ["not within 10 s: nobody is there"]
    assert 7 <= len(road.at) <= 16, road.at
    await asyncio.sleep(20)
    assert road.at[-1] < 10


async def test_a_session_that_is_over_ends_it_at_once() -> None:
    road = Road(NOBODY, CallRefusedError("this session is over", 410))
    road.lose()
    await asyncio.sleep(1)
    assert road.over == ["this session is over"]
    assert len(road.at) == 2


async def test_an_attempt_that_hangs_does_not_outlast_the_window() -> None:
    over: list[str] = []

    async def hang() -> None:
        await asyncio.sleep(1000)

    Reconnection(3.0, hang, over.append).begin()
    await asyncio.sleep(3.1)
    assert over == ["not within 3 s: no attempt was left"]


async def test_a_fault_of_the_client_ends_it_too() -> None:
    over: list[str] = []

    async def break_down() -> None:
        raise ZeroDivisionError

    Reconnection(3.0, break_down, over.append).begin()
    await asyncio.sleep(0.1)
    assert over == ["the client failed: ZeroDivisionError()"]


async def test_a_connection_that_does_not_hold_gets_no_window_of_its_own() -> None:
    road = Road(*[None] * 1000, window_s=10)
    attempts = 0
    while not road.over and attempts < 100:
        road.lose()
        await asyncio.sleep(2.5)
        attempts += len(road.at)
    assert road.over
    assert 3 <= attempts <= 6, "neither for ever, nor as fast as it can"


async def test_a_connection_that_held_gets_a_whole_window() -> None:
    road = Road(None, window_s=10)
    road.lose()
    await asyncio.sleep(9)
    road.lose()
    await asyncio.sleep(9.5)
    assert not road.over
    await asyncio.sleep(1)
    assert road.over


async def test_it_can_be_stopped() -> None:
    road = Road()
    road.lose()
    await asyncio.sleep(1)
    await road.reconnection.stop()
    made = len(road.at)
    await asyncio.sleep(30)
    assert len(road.at) == made
    assert not road.over
    await road.reconnection.stop()
