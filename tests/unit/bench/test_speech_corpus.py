import numpy as np
import pytest

from voice_agent.bench.speech_corpus import (
    LEAD_IN_S,
    SAMPLE_RATE,
    Condition,
    as_heard,
    with_browser_gain,
)

SPEECH = 0.1 * np.sin(np.arange(2 * SAMPLE_RATE) * 0.1).astype(np.float32)
LEAD_IN = int(LEAD_IN_S * SAMPLE_RATE)


def heard(condition: Condition) -> np.ndarray:
    pcm = as_heard(SPEECH, condition, seed=1)
    return np.frombuffer(pcm, np.int16).astype(np.float64) / 32_767


def level_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2)))


@pytest.mark.parametrize("condition", list(Condition))
def test_the_same_is_heard_each_time(condition: Condition) -> None:
    assert np.array_equal(heard(condition), heard(condition))


def test_noise_lies_fifteen_decibels_below_the_speech() -> None:
    noise = level_db(heard(Condition.NOISE)[:LEAD_IN])
    assert level_db(SPEECH) - noise == pytest.approx(15, abs=0.5)


def test_quiet_speech_is_twenty_decibels_down() -> None:
    speech = slice(LEAD_IN, LEAD_IN + len(SPEECH))
    clean, quiet = heard(Condition.CLEAN)[speech], heard(Condition.QUIET)[speech]
    assert level_db(clean) - level_db(quiet) == pytest.approx(20, abs=0.2)


def test_a_browsers_gain_begins_too_high_falls_while_one_speaks_and_then_stays() -> None:
    audio = np.ones(LEAD_IN + len(SPEECH) + SAMPLE_RATE)
    gain_db = 20 * np.log10(with_browser_gain(audio, len(SPEECH)))
    assert gain_db[0] == gain_db[LEAD_IN] == pytest.approx(15)
    assert gain_db[LEAD_IN + SAMPLE_RATE] == pytest.approx(9)
    assert gain_db[LEAD_IN + len(SPEECH)] == gain_db[-1] == pytest.approx(3)


def test_what_is_over_full_scale_is_cut_off() -> None:
    loud = as_heard(9 * SPEECH, Condition.BROWSER_GAIN, seed=1)
    assert np.abs(np.frombuffer(loud, np.int16).astype(int)).max() == 32_767
