"""Words of a text as recogniser and matcher see them: lower case, spelled out, no punctuation."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+")
_SMALL_NUMBERS: Final = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS: Final = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_LARGEST_NUMBER: Final = 9999
"""Longer numbers are read digit by digit, as people read them on the phone."""

FUNCTION_WORDS: Final = frozenset(
    """
    a about actually all also am an and any anyone anything are as at be been but by can could did
    do does exactly for from get give go going got had has have hello here hey hi i if in into is it
    its just know let like make may maybe me might my now of off okay on or our out please really
    right say shall she should so some something somewhere somehow still tell than that the their
    them then there these they thing things think this those to too um uh until up us very want was
    we well were what which will with would yeah yes you your yours he his her him i'd i'm i've i'll
    it's that's there's what's where's who's how's you're we're they're don't doesn't can't
    isn't aren't need needs possible somebody someone anybody
    """.split()  # noqa: SIM905
)
"""English words that say little about what a question is about."""

DANGLING_WORDS: Final = frozenset(
    """
    a an and any are as at because but by can could did do does for from how if in into is my of on
    or our some than that the their this to was were what when where which who will with would your
    i am i'd i'm is it's
    """.split()  # noqa: SIM905
)
"""English words after which more is to come: whoever pauses there has not finished."""


def words_of(text: str) -> list[str]:
    """Return the words of `text` in order: lower case, accents and punctuation gone.

    Apostrophes within a word stay, as in "don't"; numbers are spelled out, as they are spoken.
    """
    plain = unicodedata.normalize("NFKD", text).replace("’", "'")
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words: list[str] = []
    for word in _WORD.findall(letters.lower()):
        words.extend(spell_number(word) if word.isdigit() else [word])
    return words


def spell_number(digits: str) -> list[str]:
    """Return the words of a number, `digits` being ASCII digits only."""
    if len(digits) > 1 and (digits.startswith("0") or int(digits[:6]) > _LARGEST_NUMBER):
        return [_SMALL_NUMBERS[int(digit)] for digit in digits]
    number = int(digits)
    words: list[str] = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            words += [_SMALL_NUMBERS[number // size], name]
            number %= size
    if number >= len(_SMALL_NUMBERS):
        words.append(_TENS[number // 10])
        number %= 10
        if not number:
            return words
    return [*words, _SMALL_NUMBERS[number]] if number or not words else words
