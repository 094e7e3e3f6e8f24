from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from tests.unit.audio.recording.listening import decoded, heard_in, tone
from voice_agent.audio.recording.encoder import (
    PACKET_SAMPLES,
    PACKET_TICKS,
    RATE,
    StereoOpusEncoder,
)
from voice_agent.audio.recording.ogg import OggOpusWriter, checksum, read_facts
from voice_agent.core.recording import RecordingFacts

STARTED_AT = 1_893_456_000.25


def pages_of(seconds: float, *, finished: bool = True) -> list[bytes]:
    """Return the pages of a file with a tone left and silence right."""
    pages: list[bytes] = []
    encoder = StereoOpusEncoder()
    ogg = OggOpusWriter(pages.append, encoder.head, STARTED_AT, serial=7)
    left = np.frombuffer(tone(seconds, RATE), np.int16)
    left = np.concatenate((left, np.zeros(-len(left) % PACKET_SAMPLES, np.int16)))
    stereo = np.stack((left, np.zeros_like(left)), axis=1)
    for start in range(0, len(left), PACKET_SAMPLES):
        packet = encoder.encode(stereo[start : start + PACKET_SAMPLES].tobytes())
        ogg.write(packet, PACKET_TICKS)
    if finished:
        ogg.close(encoder.skip_ticks + round(seconds * 48_000))
    return pages


def test_a_page_has_the_checksum_that_ogg_wants() -> None:
    # CRC-32 with the polynomial 0x04c11db7, not mirrored, beginning with 0.
    remainder = 0
    for byte in b"OggS and so on":
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x104C11DB7 if remainder & 0x80000000 else 0)
    assert checksum(b"OggS and so on") == remainder


def test_a_file_plays_exactly_as_long_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "1.ogg"
    path.write_bytes(b"".join(pages_of(2.345)))
    left, right = decoded(path)
    assert left.shape == (round(2.345 * 48_000),)
    (span,) = heard_in(left)
    assert span == pytest.approx((0, 2.34))
    assert not heard_in(right)
    with path.open("rb") as file:
        facts = read_facts(file)
    assert facts.started_at == STARTED_AT
    assert facts.duration_s == pytest.approx(2.345)
    with av.open(str(path)) as container:
        assert container.format.name == "ogg"
        assert container.streams[0].metadata["DATE"] == "2030-01-01T00:00:00.250000+00:00"


def test_a_page_is_about_half_a_second() -> None:
    assert 2 + 18 <= len(pages_of(10)) <= 2 + 20


@pytest.mark.parametrize("lost", [1, 100, 3_000])
def test_a_file_that_breaks_off_plays_up_to_its_last_whole_page(tmp_path: Path, lost: int) -> None:
    pages = pages_of(5, finished=False)
    path = tmp_path / "1.ogg"
    path.write_bytes(b"".join(pages)[:-lost])
    left, _ = decoded(path)
    with path.open("rb") as file:
        facts = read_facts(file)
    assert facts.started_at == STARTED_AT
    assert 3.5 < facts.duration_s < 4.5
    assert len(left) / 48_000 >= facts.duration_s - 0.001


@pytest.mark.parametrize("size", [0, 10, 60])
def test_a_file_without_audio_says_nothing(size: int) -> None:
    facts = read_facts(BytesIO(b"".join(pages_of(1))[:size]))
    assert facts.duration_s == 0


def test_what_is_no_page_is_not_taken_for_one() -> None:
    good = b"".join(pages_of(3, finished=False))
    facts = read_facts(BytesIO(good))
    assert read_facts(BytesIO(good + b"OggS" + bytes(100))) == facts
    assert read_facts(BytesIO(b"nothing of the kind" * 100)) == RecordingFacts(None, 0.0)
