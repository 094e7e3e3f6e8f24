import numpy as np
import pytest

from voice_agent.services.embedded.leading_silence import LeadingSilence

RATE = 24_000


def voice(seconds: float) -> bytes:
    count = int(RATE * seconds)
    return (8000 * np.sin(np.arange(count) / 10)).astype(np.int16).tobytes()


def quiet(seconds: float) -> bytes:
    count = int(RATE * seconds)
    return (20 * np.sin(np.arange(count) / 10)).astype(np.int16).tobytes()


def heard(audio: bytes, part_s: float) -> bytes:
    silence, step = LeadingSilence(RATE), int(RATE * part_s) * 2
    parts = [silence.after(audio[at : at + step]) for at in range(0, len(audio), step)]
    return b"".join(parts) + silence.rest()


@pytest.mark.parametrize("part_s", [0.007, 0.02, 0.1, 1.0])
def test_the_quiet_before_the_voice_goes_but_for_its_last_20_ms(part_s: float) -> None:
    left = heard(quiet(0.2) + voice(0.4) + quiet(0.3) + voice(0.1), part_s)
    assert left == (quiet(0.2) + voice(0.4) + quiet(0.3) + voice(0.1))[-len(left) :]
    assert len(left) / 2 / RATE == pytest.approx(0.82, abs=0.011)


def test_a_voice_that_begins_at_once_is_left_alone() -> None:
    assert heard(voice(0.3), 0.02) == voice(0.3)


def test_of_quiet_alone_a_little_is_left() -> None:
    assert heard(quiet(0.02), 0.02) == quiet(0.02)
    assert len(heard(quiet(0.3), 0.1)) == int(RATE * 0.02) * 2


def test_a_long_quiet_is_meant() -> None:
    left = heard(quiet(2.0) + voice(0.1), 0.1)
    assert len(left) / 2 / RATE > 1.4
    assert left.endswith(voice(0.1))


def test_silence_of_zeros_is_quiet() -> None:
    assert heard(bytes(RATE) + voice(0.1), 0.1).endswith(voice(0.1))
