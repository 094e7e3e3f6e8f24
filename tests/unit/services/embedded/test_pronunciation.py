import pytest

from voice_agent.services.embedded.pronunciation import by_parts, from_flite, from_ipa, pronounce

DICTIONARY = {
    "web": ["W EH B"],
    "socket": ["S AA K AH T"],
    "open": ["OW P AH N"],
    "r.": ["AA R"],
    "t.": ["T IY"],
    "c.": ["S IY"],
    "a.": ["EY"],
    "i.": ["AY"],
}


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        ("WebRTC", "W EH B AA R T IY S IY"),
        ("OpenAI", "OW P AH N EY AY"),
        ("websocket", "W EH B S AA K AH T"),
        ("RTC", "AA R T IY S IY"),
        ("WebXML", None),
        ("zyx", None),
        ("webzyx", None),
    ],
)
def test_a_word_is_put_together_from_what_the_dictionary_has(
    written: str, phones: str | None
) -> None:
    assert by_parts(written, DICTIONARY) == phones


def test_flites_phones_become_ours() -> None:
    phones = ["pau", "w", "eh", "b", "s", "aa", "k", "ax", "t", "pau"]
    assert from_flite(phones) == "W EH B S AA K AH T"


@pytest.mark.parametrize("phones", [["pau"], [], ["w", "unheard-of"]])
def test_what_flite_cannot_say_has_no_pronunciation(phones: list[str]) -> None:
    assert from_flite(phones) is None


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("wˈɛbsɒkɪt", "W EH B S AA K IH T"),
        ("ˈoʊpən", "OW P AH N"),
        ("tʃˈɜːtʃ", "CH ER CH"),
        ("dʒˈɔɪ", "JH OY"),
        ("ˈ ː", None),
        ("", None),
    ],
)
def test_ipa_becomes_phones_and_stress_is_dropped(ipa: str, phones: str | None) -> None:
    assert from_ipa(ipa) == phones


def test_all_that_is_known_of_a_word_is_kept_once() -> None:
    engines = [lambda _: "W EH B S AA K AH T", lambda _: "W EH B S OW K EH T", lambda _: None]
    assert pronounce("websocket", DICTIONARY, engines) == [
        "W EH B S AA K AH T",
        "W EH B S OW K EH T",
    ]


def test_without_engines_an_unheard_word_has_no_pronunciation() -> None:
    assert pronounce("ollama", DICTIONARY, []) == []
