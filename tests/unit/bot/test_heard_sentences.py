from collections.abc import Iterator

import pytest
from pipecat.frames.frames import TTSTextFrame

from voice_agent.bot.heard_sentences import HeardSentences


class Reach:
    is_there = True

    def __call__(self) -> bool:
        return self.is_there


@pytest.fixture
def reach() -> Reach:
    return Reach()


@pytest.fixture
def heard(reach: Reach) -> Iterator[HeardSentences]:
    heard = HeardSentences(reach)
    heard.response_began()
    yield heard
    assert heard.finish() is None, "what was returned is not returned again"


def sentence(text: str) -> TTSTextFrame:
    return TTSTextFrame(text, "sentence")


def word(text: str, segment: int, *, brings_spaces: bool = False) -> TTSTextFrame:
    frame = TTSTextFrame(text, "word", segment_id=segment)
    frame.pts = 1
    frame.includes_inter_frame_spaces = brings_spaces
    return frame


def test_a_sentence_is_heard_when_audio_came_before_it(heard: HeardSentences) -> None:
    heard.audio_played()
    assert heard.text_passed(sentence("One.")) == "One."
    assert heard.text_passed(sentence("Two.")) is None


def test_audio_of_the_response_before_does_not_count(heard: HeardSentences) -> None:
    heard.audio_played()
    heard.response_began()
    assert heard.text_passed(sentence("One.")) is None


def test_a_sentence_that_ends_out_of_reach_was_not_heard(
    heard: HeardSentences, reach: Reach
) -> None:
    heard.audio_played()
    reach.is_there = False
    assert heard.text_passed(sentence("One.")) is None


def test_words_make_a_sentence_when_the_next_one_begins(heard: HeardSentences) -> None:
    assert heard.text_passed(word("I", 1)) is None
    heard.audio_played()
    assert heard.text_passed(word("am.", 1)) is None
    assert heard.text_passed(word("You", 2)) == "I am."
    assert heard.finish() == "You"


def test_words_that_bring_their_spaces_get_no_more(heard: HeardSentences) -> None:
    heard.audio_played()
    heard.text_passed(word("twenty", 1, brings_spaces=True))
    heard.text_passed(word("-one", 1, brings_spaces=True))
    heard.text_passed(word(" cats", 1, brings_spaces=True))
    assert heard.finish() == "twenty-one cats"


def test_words_without_any_audio_were_not_heard(heard: HeardSentences) -> None:
    heard.text_passed(word("I", 1))
    assert heard.finish() is None


def test_words_out_of_reach_were_not_heard(heard: HeardSentences, reach: Reach) -> None:
    heard.audio_played()
    heard.text_passed(word("I", 1))
    reach.is_there = False
    heard.text_passed(word("am.", 1))
    assert heard.finish() == "I"
