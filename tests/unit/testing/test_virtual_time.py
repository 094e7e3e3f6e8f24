import asyncio
import threading
import time
from datetime import UTC, datetime

import pytest

from voice_agent.testing.virtual_time import (
    MONOTONIC_START,
    WALL_START,
    VirtualTimeError,
    VirtualTimeLoop,
    run_in_virtual_time,
    virtual_clock,
)

real_time = time.perf_counter
wall_time_taken_earlier = time.time


def test_half_an_hour_passes_without_waiting_for_it() -> None:
    async def main() -> float:
        for _ in range(1800):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    started = real_time()
    ended = run_in_virtual_time(main())

    assert ended == pytest.approx(MONOTONIC_START + 1800)
    assert real_time() - started < 30


def test_all_clocks_agree_with_the_loop() -> None:
    async def main() -> None:
        clock = virtual_clock()
        await asyncio.sleep(12.5)
        assert clock.monotonic() == time.monotonic() == time.perf_counter() == pytest.approx(1012.5)
        assert clock.wall() == pytest.approx(time.time()) == pytest.approx(WALL_START + 12.5)
        assert datetime.now(UTC).timestamp() == pytest.approx(WALL_START + 12.5)
        assert wall_time_taken_earlier() == time.time()
        assert time.monotonic_ns() == time.perf_counter_ns() == 1_012_500_000_000
        assert time.time_ns() == pytest.approx((WALL_START + 12.5) * 1e9)

    run_in_virtual_time(main())


def test_real_clocks_are_back_afterwards() -> None:
    before = time.monotonic, time.perf_counter, time.monotonic_ns
    began_at = time.time()

    async def main() -> None:
        assert time.monotonic is not before[0]
        assert time.time() == WALL_START
        raise LookupError

    with pytest.raises(LookupError):
        run_in_virtual_time(main())

    assert (time.monotonic, time.perf_counter, time.monotonic_ns) == before
    assert 0 <= time.time() - began_at < 60


def test_other_threads_measure_real_time() -> None:
    async def main() -> float:
        await asyncio.sleep(500)
        return await asyncio.to_thread(time.perf_counter)

    assert run_in_virtual_time(main()) == pytest.approx(real_time(), abs=60)


def test_timers_run_in_their_order_and_at_their_time() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[str, float]] = []

        async def note(name: str, after: float) -> None:
            await asyncio.sleep(after)
            seen.append((name, loop.time() - MONOTONIC_START))

        await asyncio.gather(note("late", 0.3), note("early", 0.1), note("middle", 0.2))
        return seen

    names, times = zip(*run_in_virtual_time(main()), strict=True)
    assert names == ("early", "middle", "late")
    assert times == pytest.approx((0.1, 0.2, 0.3))


def test_no_timer_overtakes_work_in_an_executor() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.5)
                ticks += 1

        ticker = asyncio.create_task(tick())
        go_on = threading.Event()
        work = asyncio.to_thread(go_on.wait, 10)
        threading.Timer(0.05, go_on.set).start()
        async with asyncio.timeout(0.1):
            assert await work
        assert ticks == 0
        assert loop.time() == MONOTONIC_START
        ticker.cancel()

    run_in_virtual_time(main())


def test_a_task_that_waits_for_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.testing.virtual_time.STALL_LIMIT_S", 0.01)

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(VirtualTimeError, match=r"(?s)nothing is left.*test_virtual_time\.py"):
        run_in_virtual_time(main())


def test_work_in_an_executor_that_never_comes_back_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("voice_agent.testing.virtual_time.EXECUTOR_LIMIT_S", 0.01)
    go_on = threading.Event()

    async def main() -> None:
        threading.Timer(0.1, go_on.set).start()
        async with asyncio.timeout(1):
            await asyncio.to_thread(go_on.wait, 10)

    with pytest.raises(VirtualTimeError, match="did not come back"):
        run_in_virtual_time(main())


def test_a_test_that_never_ends_is_stopped() -> None:
    async def main() -> None:
        for _ in range(100):
            await asyncio.sleep(600)

    with pytest.raises(VirtualTimeError, match="virtual seconds have passed"):
        run_in_virtual_time(main())


async def test_a_real_loop_has_no_virtual_clock() -> None:
    with pytest.raises(RuntimeError, match="virtual_time"):
        virtual_clock()


def test_a_loop_that_spins_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_agent.testing.virtual_time.STEPS_LIMIT", 100)

    async def main() -> None:
        for _ in range(1000):
            await asyncio.sleep(0)

    with pytest.raises(VirtualTimeError, match="no time passed in 100 steps"):
        run_in_virtual_time(main())


def test_the_shortest_wait_moves_the_clock() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(1e-13)
        assert before < loop.time() < before + 1e-5

    run_in_virtual_time(main())


@pytest.mark.virtual_time
async def test_the_marker_puts_a_test_on_virtual_time() -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    await asyncio.sleep(3600)
    assert time.monotonic() == pytest.approx(MONOTONIC_START + 3600)


async def test_an_unmarked_test_stays_on_real_time() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
