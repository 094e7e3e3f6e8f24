import asyncio
import time

from voice_agent.testing.loop_watchdog import LoopWatchdog

HOLD_S = 0.05


def _compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_what_held_the_loop_is_measured_and_named() -> None:
    watchdog = LoopWatchdog()
    watchdog.start()
    await asyncio.sleep(0.02)
    _compute(HOLD_S)
    await asyncio.sleep(0.02)
    report = watchdog.stop()
    assert report.longest_cpu_s >= HOLD_S * 0.9
    assert report.longest_wall_s >= HOLD_S * 0.9
    assert report.noteworthy >= 1
    assert "_compute" in report.holds[0].stack[-1]


async def test_waiting_holds_nothing() -> None:
    watchdog = LoopWatchdog()
    watchdog.start()
    await asyncio.sleep(0.1)
    report = watchdog.stop()
    assert report.watched_s >= 0.1
    assert report.longest_cpu_s < HOLD_S / 2
