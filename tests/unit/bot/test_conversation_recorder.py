import pytest

from voice_agent.bot.conversation_recorder import TurnStopwatch


def test_the_parts_add_up_to_the_whole() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(10.0)
    watch.turn_over(10.3)
    watch.words_began(10.5)
    watch.words_began(10.9)
    latency = watch.audio_began(10.6)
    assert latency is not None
    assert latency.total_s == pytest.approx(0.6)
    assert latency.turn_s == pytest.approx(0.3)
    assert latency.llm_s == pytest.approx(0.2)
    assert latency.tts_s == pytest.approx(0.1)


def test_one_answer_is_timed_once() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0)
    watch.turn_over(1.2)
    assert watch.audio_began(1.5) is not None
    assert watch.audio_began(4.0) is None


def test_speech_that_nobody_asked_for_is_not_timed() -> None:
    watch = TurnStopwatch()
    assert watch.audio_began(1.0) is None
    watch.user_spoke(2.0)
    assert watch.audio_began(2.1) is None


def test_a_turn_that_goes_on_is_timed_from_its_last_words() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0)
    watch.turn_over(1.2)
    watch.user_spoke(3.0)
    watch.turn_over(3.2)
    latency = watch.audio_began(3.5)
    assert latency is not None
    assert latency.total_s == pytest.approx(0.5)


def test_no_part_is_negative_when_the_words_overtake_the_end_of_the_turn() -> None:
    watch = TurnStopwatch()
    watch.user_spoke(1.0)
    watch.words_began(1.19)
    watch.turn_over(1.2)
    latency = watch.audio_began(1.4)
    assert latency is not None
    assert latency.llm_s == 0
    assert latency.turn_s + latency.llm_s + latency.tts_s == pytest.approx(latency.total_s)
