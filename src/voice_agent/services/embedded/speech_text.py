"""Cuts long texts into pieces that are spoken one after another. Pure."""

import re
from typing import Final

LONGEST_PIECE: Final = 200
"""Characters, about thirteen seconds of speech: what is synthesised in one go.

Flite looks at all of it, for a quarter of a millisecond a character, before the first sample.
"""

_ENDS: Final = (
    re.compile(r"[.!?。！？]+[\"')\]]*\s+"),
    re.compile(r"[,;:]\s+|\s+[-–—]\s+"),
    re.compile(r"\s+"),
)


def is_speakable(text: str) -> bool:
    """Return whether there is anything in `text` to say."""
    return any(character.isalnum() for character in text)


def split_speech(text: str, longest: int = LONGEST_PIECE) -> list[str]:
    """Return `text` in pieces of at most `longest` characters that have something to say.

    It is cut behind a sentence where there is one, else behind a clause, else between words, and
    within a word only when that alone is longer.
    """
    pieces = []
    rest = text.strip()
    while len(rest) > longest:
        cut = _cut(rest, longest)
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [piece for piece in (*pieces, rest) if is_speakable(piece)]


def _cut(text: str, longest: int) -> int:
    head = text[: longest + 1]
    for pattern in _ENDS:
        ends = [match.end() for match in pattern.finditer(head) if match.start() <= longest]
        if ends:
            return min(ends[-1], longest)
    return longest
