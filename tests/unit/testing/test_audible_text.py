import pytest

from voice_agent.testing.audible_text import (
    WordReader,
    duration_s,
    is_loud,
    noise,
    silence,
    spoken,
)

TEXT = "Grüß Gott, how can I help you today?"
RATES = pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])


@RATES
@pytest.mark.parametrize("size", [64, 640, 1_280, 1_920, 7_778, 10_000_000])
def test_words_can_be_read_whatever_the_pieces(rate: int, size: int) -> None:
    audio = silence(0.1, rate) + spoken(TEXT, rate) + silence(0.1, rate)
    reader = WordReader()
    words = [
        word
        for start in range(0, len(audio), size)
        for word in reader.read(audio[start : start + size])
    ]
    assert words == TEXT.split()


@RATES
def test_speech_lasts_as_long_at_every_rate(rate: int) -> None:
    lasts = duration_s(spoken(TEXT, rate), rate)
    assert lasts == pytest.approx(duration_s(spoken(TEXT, 16_000), 16_000))
    assert 1.5 < lasts < 3.5


def test_a_word_is_heard_at_its_end() -> None:
    audio = spoken("Yesterday", 16_000)
    reader = WordReader()
    assert reader.read(audio[: len(audio) - 640]) == ()
    assert reader.read(audio[len(audio) - 640 :]) == ("Yesterday",)


def test_a_word_that_was_cut_off_is_not_heard_and_the_next_speech_is() -> None:
    audio = spoken("Never mind", 16_000)
    reader = WordReader()
    assert reader.read(audio[: 640 * 10]) == ()
    assert reader.read(spoken("Hello", 16_000)) == ("Hello",)


def test_the_same_words_said_twice_are_heard_twice() -> None:
    reader = WordReader()
    assert reader.read(spoken("No no", 16_000) + spoken("No", 16_000)) == ("No", "no", "No")


def test_other_sounds_have_no_words() -> None:
    reader = WordReader()
    assert reader.read(noise(0.5, 16_000) + silence(0.5, 16_000)) == ()
    assert spoken(" \n", 16_000) == b""


def test_speech_and_noise_are_loud_and_silence_is_not() -> None:
    assert is_loud(noise(0.02, 16_000))
    assert not is_loud(silence(0.02, 16_000))
    assert not is_loud(b"")
    speech = spoken(TEXT, 16_000)
    assert all(is_loud(speech[start : start + 640]) for start in range(0, len(speech), 640))


def test_sounds_last_what_they_should() -> None:
    assert duration_s(noise(0.3, 16_000), 16_000) == 0.3
    assert duration_s(silence(1.25, 24_000), 24_000) == 1.25
