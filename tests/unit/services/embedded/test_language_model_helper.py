import pocketsphinx
import pytest

from voice_agent.services.embedded.language_model_helper import (
    build,
    read_dictionary,
    written_forms,
)


@pytest.fixture(scope="module")
def dictionary() -> dict[str, list[str]]:
    return read_dictionary(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))


def test_the_dictionary_is_read_with_all_pronunciations(dictionary: dict[str, list[str]]) -> None:
    assert dictionary["open"] == ["OW P AH N"]
    assert len(dictionary["the"]) > 1
    assert not [word for word in dictionary if word.endswith(")")]


def test_words_are_pronounced_as_their_author_wrote_them() -> None:
    forms = written_forms(["do you use webrtc?", "What is WebRTC?", "A café"])
    assert forms["webrtc"] == "WebRTC"
    assert forms["cafe"] == "café"


def test_a_word_that_nothing_can_pronounce_is_left_out_and_named() -> None:
    arpa, words, left_out = build(["What is zyxqlorp?", "Do you use WebRTC?"], [])
    assert left_out == ["zyxqlorp"]
    assert "zyxqlorp" not in arpa
    assert "webrtc W EH B AA R T IY S IY" in words.splitlines()
    # Frequent words of English stand beside the agent's.
    assert " president " in arpa


def test_an_engine_gives_the_word_its_sound() -> None:
    _, words, left_out = build(["What is zyxqlorp?"], [lambda _: "Z IH K S K L AO R P"])
    assert left_out == []
    assert "zyxqlorp Z IH K S K L AO R P" in words.splitlines()
