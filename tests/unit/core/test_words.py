import pytest

from voice_agent.core.words import FUNCTION_WORDS, spell_number, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When are you OPEN?", ["when", "are", "you", "open"]),
        ("Is there a café — or a kitchen?", ["is", "there", "a", "cafe", "or", "a", "kitchen"]),
        ("I don’t know.", ["i", "don't", "know"]),
        ("Room 12, please", ["room", "twelve", "please"]),
        ("   …  ", []),
        ("Wi-Fi", ["wi", "fi"]),
    ],
)
def test_a_text_becomes_the_words_that_are_spoken(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("digits", "spoken"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("19", "nineteen"),
        ("40", "forty"),
        ("42", "forty two"),
        ("100", "one hundred"),
        ("2026", "two thousand twenty six"),
        ("9999", "nine thousand nine hundred ninety nine"),
        ("007", "zero zero seven"),
        ("10000", "one zero zero zero zero"),
        ("1" * 40, " ".join(["one"] * 40)),
    ],
)
def test_numbers_are_spelled_as_they_are_read_aloud(digits: str, spoken: str) -> None:
    assert " ".join(spell_number(digits)) == spoken


def test_words_that_carry_meaning_are_no_function_words() -> None:
    assert not FUNCTION_WORDS & {"open", "where", "when", "park", "voice", "key"}
