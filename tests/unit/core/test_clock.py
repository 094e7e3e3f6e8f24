import time

from voice_agent.core.clock import SystemClock


def test_the_system_clock_reads_the_machines_clocks() -> None:
    clock = SystemClock()
    wall, monotonic = time.time(), time.monotonic()
    assert wall <= clock.wall() <= time.time() + 1
    assert monotonic <= clock.monotonic() <= time.monotonic()
