"""The microphone: a packet each 20 ms, speech with its exact times, noise in between."""

import numpy as np
import pytest

from voice_agent.client.errors import CallDroppedError
from voice_agent.client.microphone import Microphone, Pace
from voice_agent.client.speech import Speech


def speech(onset_s: float, end_s: float, duration_s: float) -> Speech:
    samples = np.zeros(round(duration_s * 16000), np.int16)
    return Speech(samples, 16000, onset_s, end_s, name="test")


def test_noise_fills_the_time_between_utterances() -> None:
    microphone = Microphone()
    first = microphone.next_packet(0.0)
    microphone.say(speech(0.0, 0.02, 0.04))
    names = [microphone.next_packet(0.02 * n).speech.name for n in range(1, 4)]

    assert first.speech.name == "room noise"
    assert names == ["test", "test", "room noise"]
    assert len(first.pcm) == 640
    assert first.opus


async def test_times_of_an_utterance_are_those_of_its_samples() -> None:
    microphone = Microphone()
    utterance = microphone.say(speech(onset_s=0.025, end_s=0.07, duration_s=0.1))

    for n in range(5):
        # A microphone gives a packet when its 20 ms are over.
        microphone.next_packet(100.0 + 0.02 * (n + 1))

    assert utterance.started_at == pytest.approx(100.0)
    assert utterance.onset_at == pytest.approx(100.025)
    assert utterance.ended_at == pytest.approx(100.07)
    assert await utterance.voice_ended() == pytest.approx(100.07)
    await utterance.finished()


async def test_a_late_packet_is_timed_by_when_it_was_sent() -> None:
    microphone = Microphone()
    utterance = microphone.say(speech(onset_s=0.0, end_s=0.04, duration_s=0.04))

    microphone.next_packet(100.02)
    microphone.next_packet(100.14)

    assert await utterance.voice_ended() == pytest.approx(100.14)


def test_utterances_follow_each_other() -> None:
    microphone = Microphone()
    first = microphone.say(speech(0.0, 0.02, 0.02))
    second = microphone.say(speech(0.0, 0.02, 0.02))

    assert microphone.is_speaking
    microphone.next_packet(1.02)
    microphone.next_packet(1.04)

    assert (first.started_at, second.started_at) == pytest.approx((1.0, 1.02))
    assert not microphone.is_speaking


def test_speech_cannot_pile_up_without_end() -> None:
    microphone = Microphone()
    for _ in range(64):
        microphone.say(speech(0.0, 0.02, 0.02))

    with pytest.raises(ValueError, match="64 speeches"):
        microphone.say(speech(0.0, 0.02, 0.02))


async def test_who_waits_for_an_utterance_hears_that_the_call_is_over() -> None:
    microphone = Microphone()
    begun = microphone.say(speech(0.0, 0.04, 0.1))
    waiting = microphone.say(speech(0.0, 0.04, 0.1))
    microphone.next_packet(1.0)

    microphone.stop(CallDroppedError("gone"))

    for utterance in (begun, waiting):
        with pytest.raises(CallDroppedError, match="gone"):
            await utterance.voice_ended()
        with pytest.raises(CallDroppedError, match="gone"):
            await utterance.finished()


def test_the_pace_is_that_of_the_wall_and_catches_up() -> None:
    pace = Pace(start=10.0)

    waits = [pace.wait_s(now) for now in (10.0, 10.001, 10.0205, 10.2, 10.2, 10.2)]

    assert waits == [0.0, pytest.approx(0.019), pytest.approx(0.0195), 0.0, 0.0, 0.0]
    caught_up = [pace.wait_s(10.2) for _ in range(6)]
    assert caught_up == [0.0, 0.0, 0.0, 0.0, 0.0, pytest.approx(0.02)], "none is skipped"


async def test_what_nobody_took_in_time_is_gone() -> None:
    microphone = Microphone()
    microphone.skip_to(90.0)
    utterance = microphone.say(speech(onset_s=0.0, end_s=0.1, duration_s=0.2))
    microphone.next_packet(100.02)

    microphone.skip_to(103.0)

    assert utterance.ended_at == pytest.approx(100.1), "it was said in real time"
    assert microphone.next_packet(103.0).speech.name == "room noise"
