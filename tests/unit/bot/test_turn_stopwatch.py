import pytest

from voice_agent.bot.turn_stopwatch import TurnStopwatch
from voice_agent.core.events import LatencyMeasured


def answer(watch: TurnStopwatch, now: float) -> LatencyMeasured:
    """Return what an answer took, all parts of which are known and add up."""
    latency = watch.audio_began(now)
    assert latency is not None
    assert latency.total_s == pytest.approx(latency.turn_s + latency.llm_s + latency.tts_s)
    assert latency.verdict_s is not None
    assert latency.stt_s is not None
    assert latency.turn_s == pytest.approx(latency.verdict_s + latency.stt_s)
    if latency.synthesis_s is not None:
        assert latency.output_s is not None
        assert latency.tts_s == pytest.approx(latency.synthesis_s + latency.output_s)
        assert min(latency.synthesis_s, latency.output_s) >= 0
    assert min(latency.verdict_s, latency.stt_s, latency.llm_s, latency.tts_s) >= 0
    return latency


def test_the_parts_add_up_to_the_whole() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(10.0, 10.2)
    watch.judged_complete(10.25)
    watch.turn_over(10.3)
    watch.words_began(10.5)
    watch.words_began(10.9)
    watch.speech_made(10.58)
    latency = answer(watch, 10.6)
    assert latency.total_s == pytest.approx(0.6)
    assert latency.turn_s == pytest.approx(0.3)
    assert latency.llm_s == pytest.approx(0.2)
    assert latency.tts_s == pytest.approx(0.1)
    assert latency.verdict_s == pytest.approx(0.25)
    assert latency.stt_s == pytest.approx(0.05)
    assert latency.synthesis_s == pytest.approx(0.08)
    assert latency.output_s == pytest.approx(0.02)


def test_words_that_end_the_turn_by_themselves_were_what_was_waited_for() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.2)
    watch.understood()
    watch.judged_complete(1.5)
    watch.turn_over(1.5)
    latency = answer(watch, 1.8)
    assert latency.verdict_s == pytest.approx(0.2)
    assert latency.stt_s == pytest.approx(0.3)


def test_a_turn_that_nobody_judged_complete_was_all_waiting_for_a_verdict() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.2)
    watch.turn_over(6.0)
    latency = answer(watch, 6.1)
    assert latency.verdict_s == pytest.approx(5.0)
    assert latency.stt_s == 0


def test_a_voice_that_tells_nothing_leaves_its_parts_out() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.2)
    watch.turn_over(1.3)
    latency = answer(watch, 1.5)
    assert (latency.synthesis_s, latency.output_s) == (None, None)


def test_audio_made_for_what_was_said_before_is_not_this_answers() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.2)
    watch.speech_made(1.25)
    watch.turn_over(1.3)
    watch.words_began(1.4)
    watch.speech_made(1.6)
    latency = answer(watch, 1.7)
    assert latency.synthesis_s == pytest.approx(0.2)


def test_one_answer_is_timed_once() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.2)
    watch.turn_over(1.2)
    assert watch.audio_began(1.5) is not None
    assert watch.audio_began(4.0) is None


def test_speech_that_nobody_asked_for_is_not_timed() -> None:
    watch = TurnStopwatch()
    assert watch.audio_began(1.0) is None
    watch.user_spoke(2.0, 2.1)
    assert watch.audio_began(2.1) is None


def test_a_turn_that_goes_on_is_timed_from_its_last_words() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.1)
    watch.judged_complete(1.1)
    watch.turn_over(1.2)
    watch.user_spoke(3.0, 3.1)
    watch.judged_complete(3.15)
    watch.turn_over(3.2)
    latency = answer(watch, 3.5)
    assert latency.total_s == pytest.approx(0.5)
    assert latency.verdict_s == pytest.approx(0.15)


def test_no_part_is_negative_when_the_words_overtake_the_end_of_the_turn() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0, 1.15)
    watch.words_began(1.19)
    watch.turn_over(1.2)
    watch.speech_made(1.2)
    watch.judged_complete(1.21)
    latency = answer(watch, 1.4)
    assert latency.llm_s == 0
