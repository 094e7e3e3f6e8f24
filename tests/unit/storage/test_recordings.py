import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest

from voice_agent.core.errors import RecordingNotFoundError
from voice_agent.core.recording import Recording, RecordingFacts
from voice_agent.storage.recordings import RecordingFiles

TRICKS = ["..", ".", "", "a/b", "../secrets", "/etc", "a\0b", "a\n", "x" * 200, ".hidden", "é"]


def facts_of(file: BinaryIO) -> RecordingFacts:
    """Take the first line for when it began, and the second for how long it is."""
    began, lasts = file.read().split(b"\n")
    return RecordingFacts(float(began) if began else None, float(lasts))


@pytest.fixture
def files(tmp_path: Path) -> RecordingFiles:
    return RecordingFiles(tmp_path / "data" / "recordings", facts_of)


def record(files: RecordingFiles, session_id: str, content: bytes) -> int:
    number, file = files.create(session_id)
    with file:
        file.write(content)
    return number


def test_recordings_are_numbered_and_listed_oldest_first(files: RecordingFiles) -> None:
    numbers = [record(files, "p0.abc", b"%d\n2.5" % at) for at in range(10, 21)]
    assert numbers == list(range(1, 12))
    listed = files.list("p0.abc")
    assert [each.number for each in listed] == numbers
    assert listed[0] == Recording(number=1, started_at=10.0, duration_s=2.5, bytes=6)
    assert files.path("p0.abc", 11).read_bytes() == b"20\n2.5"
    assert not files.list("p0.other")


def test_of_a_file_that_does_not_say_when_it_began_its_time_counts(files: RecordingFiles) -> None:
    record(files, "a", b"\n0")
    os.utime(files.path("a", 1), (5, 5))
    assert files.list("a")[0].started_at == 5


def test_only_the_owner_can_read_them(files: RecordingFiles) -> None:
    record(files, "a", b"1\n1")
    path = files.path("a", 1)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parents[1])]
    assert modes == [0o600, 0o700, 0o700]


def test_two_processes_never_write_into_one_file(files: RecordingFiles, tmp_path: Path) -> None:
    other = RecordingFiles(tmp_path / "data" / "recordings", facts_of)
    assert [record(each, "a", b"1\n1") for each in (files, other, files)] == [1, 2, 3]


def test_removing_removes_all_of_one_session(files: RecordingFiles) -> None:
    for session_id in ("a", "a", "b"):
        record(files, session_id, b"1\n1")
    files.remove("a")
    files.remove("a")
    assert not files.list("a")
    assert len(files.list("b")) == 1
    with pytest.raises(RecordingNotFoundError, match="session 'a' has no recording 1"):
        files.path("a", 1)


@pytest.mark.parametrize("number", [0, 2, -1, 10**9])
def test_a_number_that_is_not_there_is_not_found(files: RecordingFiles, number: int) -> None:
    record(files, "a", b"1\n1")
    with pytest.raises(RecordingNotFoundError):
        files.path("a", number)


@pytest.mark.parametrize("session_id", TRICKS)
def test_an_id_cannot_lead_elsewhere(
    files: RecordingFiles, tmp_path: Path, session_id: str
) -> None:
    record(files, "a", b"1\n1")
    (tmp_path / "data" / "1.ogg").write_bytes(b"1\n1")
    assert not files.list(session_id)
    with pytest.raises(RecordingNotFoundError):
        files.path(session_id, 1)
    with pytest.raises(ValueError, match="no session's id"):
        files.create(session_id)
    files.remove(session_id)
    assert len(files.list("a")) == 1
    assert (tmp_path / "data" / "1.ogg").exists()


def test_what_else_lies_there_is_no_recording(files: RecordingFiles) -> None:
    record(files, "a", b"1\n1")
    folder = files.path("a", 1).parent
    for name in ("0.ogg", "01.ogg", "notes.txt", "x.ogg", "2.wav", "-3.ogg"):
        (folder / name).write_bytes(b"1\n1")
    assert [each.number for each in files.list("a")] == [1]
    assert record(files, "a", b"1\n1") == 2
