import asyncio
import time

import pytest

from voice_agent.testing.loop_watch import EventLoopHeldError, EventLoopWatch
from voice_agent.testing.virtual_time import run_in_virtual_time


async def hold_the_loop() -> None:
    time.sleep(0.03)  # noqa: ASYNC251 - the fault to be found


async def test_a_callback_that_holds_the_loop_is_named() -> None:
    with pytest.raises(EventLoopHeldError, match="hold_the_loop"), EventLoopWatch(0.02):
        await asyncio.create_task(hold_the_loop())


@pytest.mark.virtual_time
async def test_waiting_does_not_hold_the_loop() -> None:
    with EventLoopWatch(5) as watch:
        await asyncio.create_task(asyncio.sleep(3600))
    assert 0 < watch.longest_s < 5


def test_it_measures_real_time_on_a_virtual_loop() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.sleep(60))
        await asyncio.create_task(hold_the_loop())

    with EventLoopWatch() as watch:
        run_in_virtual_time(main())
    assert 0.03 <= watch.longest_s < 10
    assert "hold_the_loop" in watch.culprit


async def test_an_error_inside_is_not_hidden() -> None:
    async def hold_and_fail() -> None:
        await hold_the_loop()
        raise LookupError

    with pytest.raises(LookupError), EventLoopWatch(0.001):
        await asyncio.create_task(hold_and_fail())


async def test_nothing_is_left_behind() -> None:
    before = asyncio.Handle._run
    with EventLoopWatch():
        assert asyncio.Handle._run is not before
    assert asyncio.Handle._run is before
