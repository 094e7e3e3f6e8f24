"""Words of a text as a recogniser and a matcher see them: lower case, no accents, no punctuation."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

FUNCTION_WORDS: Final = frozenset(
    """
    a about actually all also am an and any anyone anything are as at be been but by can could did
    do does exactly for from get give go going got had has have hello here hey hi i if in into is it
    its just know let like make may maybe me might my now of off okay on or our out please really
    right say shall she should so some something somewhere somehow still tell than that the their
    them then there these they thing things think this those to too um uh until up us very want was
    we well were what which will with would yeah yes you your yours he his her him i'd i'm i've i'll
    it's that's there's what's where's who's how's you're we're they're don't doesn't can't
    isn't aren't want need needs could possible somebody someone anybody
    """.split()
)
"""English words that say little about what a question is about."""


def words_of(text: str) -> list[str]:
    """Return the words of `text` in order: lower case, accents and punctuation gone.

    Apostrophes within a word stay, as in "don't".
    """
    plain = unicodedata.normalize("NFKD", text).replace("’", "'")
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(letters.lower())
