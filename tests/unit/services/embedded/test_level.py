"""Lifting quiet speech, measured on tones that come and go like syllables."""

import numpy as np
import pytest
from numpy.typing import NDArray

from voice_agent.services.embedded.level import QuietSpeechLifter

RATE = 16_000
FRAME_BYTES = 320


def syllables(level: float, duration_s: float = 2.0) -> NDArray[np.float64]:
    """Return a tone whose loudest 10 ms have this root mean square, four times a second."""
    time_s = np.arange(int(RATE * duration_s)) / RATE
    envelope = np.abs(np.sin(2 * np.pi * 2 * time_s))
    tone: NDArray[np.float64] = np.sqrt(2) * envelope * np.sin(2 * np.pi * 300 * time_s)
    return level * tone


def room(level: float, duration_s: float = 0.5) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, level, int(RATE * duration_s))


def lifted(audio: NDArray[np.float64]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Return `audio` as 16-bit samples, before and after."""
    before = np.clip(audio, -32_768, 32_767).astype(np.int16)
    pcm, lifter = before.tobytes(), QuietSpeechLifter()
    after = b"".join(
        lifter.lift(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm), FRAME_BYTES)
    )
    assert len(after) == len(pcm)
    return before, np.frombuffer(after, np.int16)


def loudest(samples: NDArray[np.int16]) -> float:
    frames = samples.astype(np.float64).reshape(-1, FRAME_BYTES // 2)
    return float(np.sqrt(np.mean(frames**2, axis=1)).max())


@pytest.mark.parametrize("level", [700, 1_500, 4_000, 6_000])
def test_quiet_speech_is_brought_within_three_decibels_of_near_speech(level: float) -> None:
    _, after = lifted(np.concatenate([room(3), syllables(level)]))
    assert 6_000 * 10 ** (-3 / 20) < loudest(after[RATE:]) < 6_000 * 10 ** (3 / 20)


@pytest.mark.parametrize("level", [7_000, 15_000, 30_000])
def test_loud_and_clipped_speech_is_left_as_it_is_after_its_first_syllable(level: float) -> None:
    before, after = lifted(np.concatenate([room(3), syllables(level)]))
    assert np.array_equal(before[RATE:], after[RATE:])


@pytest.mark.parametrize("level", [0, 10, 90, 300])
def test_neither_silence_nor_a_noisy_room_is_lifted(level: float) -> None:
    before, after = lifted(room(level, 3.0))
    assert np.array_equal(before, after)


def test_very_quiet_speech_is_lifted_by_no_more_than_twenty_decibels() -> None:
    before, after = lifted(np.concatenate([room(3), syllables(250)]))
    assert loudest(after) == pytest.approx(10 * loudest(before), rel=0.01)


def test_what_falls_to_a_tenth_is_followed_slowly() -> None:
    falling = np.concatenate([room(3), syllables(6_000), syllables(600)])
    before, after = lifted(falling)
    gained = loudest(after[-RATE:]) / loudest(before[-RATE:])
    assert 1.1 < gained < 10 ** (5 / 20)


def test_a_sudden_shout_does_not_overflow() -> None:
    shout = np.where(np.arange(RATE) % 80 < 40, 32_767.0, -32_768.0)
    before, after = lifted(np.concatenate([room(3), syllables(700), shout]))
    assert np.array_equal(np.sign(before[-RATE:]), np.sign(after[-RATE:]))


def test_nothing_is_nothing() -> None:
    assert QuietSpeechLifter().lift(b"") == b""
