"""What the listener hears and when."""

import numpy as np
import pytest

from voice_agent.client.heard import HeardAudio

RATE = 24000


def loud(seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE), 3000, np.int16)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


def heard(*stretches: tuple[float, np.ndarray]) -> HeardAudio:
    audio = HeardAudio(RATE)
    for at, samples in stretches:
        audio.queue(at, samples)
    return audio


def spans(audio: HeardAudio) -> tuple[tuple[float, float], ...]:
    return tuple((round(start, 3), round(end, 3)) for start, end in audio.spans)


def test_a_player_plays_what_came_early_when_it_is_due() -> None:
    audio = heard((10.0, loud(0.5)), (10.1, loud(0.5)), (12.0, loud(0.1)))

    assert spans(audio) == ((10.0, 11.0), (12.0, 12.1))
    assert audio.received_s == pytest.approx(1.1)
    assert [part.arrived_at for part in audio.played] == [10.0, 10.1, 12.0]
    assert [part.at for part in audio.played] == pytest.approx([10.0, 10.5, 12.0])


def test_an_interruption_drops_what_was_not_played() -> None:
    audio = heard((10.0, loud(1.0)), (10.0, loud(1.0)), (10.0, loud(1.0)))

    dropped = audio.interrupt(11.25)

    assert dropped == pytest.approx(1.75)
    assert spans(audio) == ((10.0, 11.25),)
    assert sum(len(part.samples) for part in audio.played) == pytest.approx(1.25 * RATE)
    audio.queue(11.5, loud(0.1))
    assert spans(audio)[-1] == (11.5, 11.6)


def test_an_interruption_of_a_silent_player_changes_nothing() -> None:
    audio = heard((10.0, loud(0.5)))

    assert audio.interrupt(11.0) == 0.0
    assert spans(audio) == ((10.0, 10.5),)


def test_silence_is_not_audible() -> None:
    audio = heard((10.0, quiet(0.5)), (10.5, loud(0.1)), (10.6, quiet(1.0)))

    assert spans(audio) == ((10.5, 10.6),)


def test_an_onset_comes_after_quiet() -> None:
    audio = heard((10.0, loud(1.0)), (11.05, loud(0.5)), (12.0, loud(0.5)))

    assert audio.onset_after(9.0) == 10.0
    assert audio.onset_after(10.5) == pytest.approx(12.0), "what was being said is no onset"
    assert audio.onset_after(12.1) is None


def test_quiet_begins_at_the_last_audible_sample() -> None:
    audio = heard((10.0, loud(1.0)), (11.2, loud(0.5)), (13.0, loud(0.5)))

    assert audio.quiet_from(10.5, now=20.0) == pytest.approx(11.7), "0.2 s is a pause"
    assert audio.quiet_from(10.5, now=20.0, gap_s=0.1) == pytest.approx(11.0)
    assert audio.quiet_from(12.0, now=20.0) == 12.0, "it said nothing then"
    assert audio.quiet_from(13.0, now=13.7) is None, "0.2 s could still be a pause"
    assert audio.quiet_from(13.0, now=13.9) == pytest.approx(13.5)


def test_what_is_queued_is_not_quiet_yet() -> None:
    audio = heard((10.0, loud(5.0)))

    assert audio.quiet_from(10.0, now=11.0) is None
    assert audio.is_audible(11.0)
    assert not audio.is_audible(15.2)


def test_packets_in_a_burst_stay_in_order() -> None:
    audio = HeardAudio(RATE)
    for arrived_at in (10.0, 10.1, 10.1001, 10.1002, 10.12):
        audio.add(arrived_at, loud(0.02))

    assert spans(audio) == (
        (10.0, 10.02),
        (10.1, 10.14),
    )
    assert audio.audible_between(10.0, 11.0) == pytest.approx(0.06)


def test_a_recording_goes_by_the_senders_clock_where_there_is_one() -> None:
    audio = HeardAudio(RATE)
    audio.add(10.03, loud(0.02), placed_at=10.02)

    assert (audio.played[0].at, audio.played[0].arrived_at) == (10.02, 10.03)
    assert spans(audio) == ((10.03, 10.05),)


def test_samples_are_kept_only_when_wanted() -> None:
    audio = HeardAudio(RATE, keep_samples=False)
    audio.queue(10.0, loud(1.0))

    assert audio.played == ()
    assert spans(audio) == ((10.0, 11.0),)


def test_audio_of_another_rate_lasts_as_long_and_is_as_loud() -> None:
    audio = heard((10.0, loud(0.5)))
    audio.take_rate(2 * RATE)
    tone = (3000 * np.sin(2 * np.pi * 300 * np.arange(RATE) / (2 * RATE))).astype(np.int16)
    for start in range(0, len(tone), 960):
        audio.add(12.0 + start / (2 * RATE), tone[start : start + 960])
    audio.take_rate(RATE)
    audio.add(20.0, loud(0.1))

    first, second, third = audio.spans
    assert first == pytest.approx((10.0, 10.5))
    assert second == pytest.approx((12.0, 12.5), abs=0.06)
    assert third == pytest.approx((20.0, 20.1))
    assert audio.received_s == pytest.approx(1.1, abs=0.05)
    played = np.concatenate([part.samples for part in audio.played if 12 <= part.at < 13])
    assert 2800 < np.abs(played).max() < 3200
