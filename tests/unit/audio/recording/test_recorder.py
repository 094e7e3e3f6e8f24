"""The recorder: what it does beside the event loop, and when it must not keep up with it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.unit.audio.recording.listening import decoded, heard_in, tone
from voice_agent.audio.recording.ogg import read_facts
from voice_agent.audio.recording.recorder import Recorder
from voice_agent.storage.recordings import RecordingFiles

NewFile = Callable[[str], tuple[int, BinaryIO]]
PIECE = tone(0.1, 16_000)


class HandClock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_000_000.0 + self.now


class Told:
    """What a recorder told."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.failures = 0

    def recording_started(self, number: int) -> None:
        self.numbers.append(number)

    def recording_failed(self) -> None:
        self.failures += 1


@pytest.fixture
def files(tmp_path: Path) -> RecordingFiles:
    return RecordingFiles(tmp_path / "recordings", read_facts)


async def test_several_calls_are_recorded_at_once(files: RecordingFiles) -> None:
    clock, told = HandClock(), Told()
    recorder = Recorder(files.create, clock)
    calls = [recorder.start(f"session-{number}", told) for number in range(5)]
    for tenth in range(30):
        clock.now += 0.1
        for number, call in enumerate(calls):
            assert call is not None
            if tenth // 5 == number:
                call.heard(PIECE)
    await recorder.close()
    await recorder.close()
    assert told.numbers == [1] * 5
    for number in range(5):
        left, right = decoded(files.path(f"session-{number}", 1))
        (span,) = heard_in(left)
        assert span == pytest.approx((number * 0.5, number * 0.5 + 0.5), abs=0.02)
        assert not heard_in(right)
        assert len(left) / 48_000 == pytest.approx(3, abs=0.001)
    assert recorder.start("session-9", told) is None


async def test_what_the_thread_cannot_take_is_dropped_and_counted(files: RecordingFiles) -> None:
    hung = threading.Event()

    def create(session_id: str) -> tuple[int, BinaryIO]:
        hung.wait(30)
        return files.create(session_id)

    clock = HandClock()
    recorder = Recorder(create, clock, backlog_limit=10 * len(PIECE))
    call = recorder.start("one", Told())
    assert call is not None
    for _ in range(50):
        clock.now += 0.1
        call.heard(PIECE)
    assert recorder.dropped_bytes == 40 * len(PIECE)
    hung.set()
    await recorder.catch_up()
    for _ in range(5):
        clock.now += 0.1
        call.heard(PIECE)
    assert recorder.dropped_bytes == 40 * len(PIECE)
    await recorder.close()
    left, _ = decoded(files.path("one", 1))
    first, last = heard_in(left)
    assert first[1] == pytest.approx(1, abs=0.02)
    assert last == pytest.approx((5, 5.5), abs=0.02)


async def test_no_thread_and_no_timer_is_left(files: RecordingFiles) -> None:
    def names() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name == "recordings"]

    before = names()
    recorder = Recorder(files.create, HandClock())
    assert names() == before
    call = recorder.start("one", Told())
    assert call is not None
    assert len(names()) == len(before) + 1
    call.finish()
    call.finish()
    call.heard(PIECE)
    await recorder.close()
    assert names() == before
    assert [recording.duration_s for recording in files.list("one")] == [0]
