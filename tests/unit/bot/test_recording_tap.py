"""What is told of a recording, whatever order its thread and the leg come to their ends in."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from pipecat.frames.frames import CancelFrame

from voice_agent.audio.recording.ogg import read_facts
from voice_agent.audio.recording.recorder import Recorder
from voice_agent.bot.recording_tap import ENDED, STARTED, Notice, RecordingTap
from voice_agent.core.clock import SystemClock
from voice_agent.core.events import EventPayload, RecordingEnded, RecordingStarted
from voice_agent.storage.recordings import RecordingFiles

SILENCE = bytes(3_200)


class Leg:
    """A tap, and what it told."""

    def __init__(self, create: Callable[[str], tuple[int, BinaryIO]]) -> None:
        self.recorder = Recorder(create, SystemClock())
        self.events: list[EventPayload] = []
        self.notices: list[Notice] = []
        self.tap = RecordingTap(self.recorder, "one", self.events.append, self.notices.append)


@pytest.fixture
def leg(tmp_path: Path) -> Leg:
    return Leg(RecordingFiles(tmp_path, read_facts).create)


async def test_a_leg_that_was_heard_is_told_from_begin_to_end(leg: Leg) -> None:
    leg.tap.heard(SILENCE)
    await leg.recorder.catch_up()
    assert leg.events == [RecordingStarted(1)]
    leg.tap.pass_frame(CancelFrame())
    leg.tap.finish()
    _, ended = leg.events
    assert isinstance(ended, RecordingEnded)
    assert ended.number == 1
    assert ended.duration_s >= 0.1
    assert leg.notices == [STARTED]
    await leg.recorder.close()


async def test_a_leg_that_ends_before_its_file_is_there_is_told_all_the_same(leg: Leg) -> None:
    leg.tap.played(SILENCE)
    leg.tap.finish()
    assert not leg.events
    await leg.recorder.close()
    assert [type(event) for event in leg.events] == [RecordingStarted, RecordingEnded]
    assert not leg.notices


async def test_a_leg_in_which_nothing_was_heard_has_no_recording(leg: Leg, tmp_path: Path) -> None:
    leg.tap.finish()
    leg.tap.heard(SILENCE)
    await leg.recorder.close()
    assert not leg.events
    assert not RecordingFiles(tmp_path, read_facts).list("one")


async def test_a_recorder_that_is_closed_records_no_further_leg(leg: Leg, tmp_path: Path) -> None:
    await leg.recorder.close()
    leg.tap.heard(SILENCE)
    leg.tap.played(SILENCE)
    assert not leg.events
    assert not RecordingFiles(tmp_path, read_facts).list("one")


async def test_a_disk_that_fails_later_ends_it_once(tmp_path: Path) -> None:
    files = RecordingFiles(tmp_path, read_facts)

    def create(session_id: str) -> tuple[int, BinaryIO]:
        number, file = files.create(session_id)
        return number, _Breaking(file)  # type: ignore[return-value]

    leg = Leg(create)
    leg.tap.heard(SILENCE)
    await leg.recorder.catch_up()
    for _ in range(100):
        leg.tap.heard(bytes(3_200))
    await leg.recorder.close()
    leg.tap.finish()
    assert [type(event) for event in leg.events] == [RecordingStarted, RecordingEnded]
    assert leg.notices == [STARTED, ENDED]


class _Breaking:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writes = 0

    def write(self, data: bytes) -> int:
        self._writes += 1
        if self._writes > 2:
            raise OSError(5, "Input/output error")
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
