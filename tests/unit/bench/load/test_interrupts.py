import os
import signal

import pytest

from voice_agent.bench.load.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Interrupts().ending():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_signal_waits_until_a_process_is_started() -> None:
    interrupts, done = Interrupts(), []

    def start() -> None:
        with interrupts.ending(), interrupts.held_off():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("started")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert done == ["started"]


def test_what_was_started_is_ended_in_peace() -> None:
    done = []

    def run() -> None:
        with Interrupts().ending():
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                done.append("ended")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert done == ["ended"]
