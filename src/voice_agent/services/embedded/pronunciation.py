"""Pronunciations for words that a dictionary lacks: by their parts, or from a speech engine.

Phones are the 39 of the CMU dictionary, without stress. Pure; runs in the helper that builds a
language model.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

PHONES: Final = frozenset(
    [
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "OW",
        "OY",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "UH",
        "UW",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ]
)

LetterToSound = Callable[[str], str | None]
"""Takes a word, returns its phones with blanks between, or None."""

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHORTEST_PART: Final = 3
_FLITE_PHONES: Final = {"AX": "AH", "AXR": "ER", "IX": "IH", "EL": "AH L", "EM": "AH M"}
_IPA_PHONES: Final = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY",
    "ɜː": "ER", "ɚ": "ER", "ɝ": "ER", "iː": "IY", "uː": "UW", "ɑː": "AA", "ɔː": "AO", "oː": "AO",
    "æ": "AE", "ɐ": "AH", "ə": "AH", "ʌ": "AH", "ɛ": "EH", "e": "EH", "ɪ": "IH", "i": "IY",
    "ᵻ": "IH", "ʊ": "UH", "u": "UW", "ɔ": "AO", "ɑ": "AA", "ɒ": "AA", "a": "AE", "o": "OW",
    "b": "B", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "k": "K", "l": "L",
    "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T",
    "ɾ": "T", "ʔ": "T", "θ": "TH", "v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH", "x": "K",
}  # fmt: skip
_LONGEST_IPA: Final = 2


def from_flite(phones: Iterable[str]) -> str | None:
    """Return flite's phone names as ours; None if one is unknown or there is none."""
    named = [_FLITE_PHONES.get(phone.upper(), phone.upper()) for phone in phones if phone != "pau"]
    known = all(part in PHONES for phone in named for part in phone.split())
    return " ".join(named) if named and known else None


def from_ipa(text: str) -> str | None:
    """Return espeak-ng's IPA as phones; None if nothing of it is known."""
    phones: list[str] = []
    at = 0
    while at < len(text):
        for size in range(_LONGEST_IPA, 0, -1):
            phone = _IPA_PHONES.get(text[at : at + size])
            if phone:
                phones.append(phone)
                at += size
                break
        else:
            at += 1
    return " ".join(phones) or None


def by_parts(written: str, dictionary: Mapping[str, Sequence[str]]) -> str | None:
    """Return the pronunciation of a word put together from words and letters of `dictionary`.

    `written` is the word as its author wrote it: "WebRTC" is "web" and three letters, "websocket"
    is "web" and "socket". None when its parts are unknown.
    """
    parts = _PARTS.findall(written)
    if len(parts) == 1 and not written.isupper():
        return _by_two_words(written.lower(), dictionary)
    phones: list[str] = []
    for part in parts:
        if part.isupper():
            spelled = [dictionary.get(f"{letter.lower()}.") for letter in part]
        else:
            spelled = [dictionary.get(part.lower())]
        for pronunciations in spelled:
            if not pronunciations:
                return None
            phones.append(pronunciations[0])
    return " ".join(phones) or None


def pronounce(
    written: str,
    dictionary: Mapping[str, Sequence[str]],
    engines: Sequence[LetterToSound],
) -> list[str]:
    """Return every pronunciation that can be found for `written`; none if nothing knows it."""
    found = [by_parts(written, dictionary), *(engine(written) for engine in engines)]
    return list(dict.fromkeys(phones for phones in found if phones))


def _by_two_words(word: str, dictionary: Mapping[str, Sequence[str]]) -> str | None:
    for at in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        first, second = dictionary.get(word[:at]), dictionary.get(word[at:])
        if first and second:
            return f"{first[0]} {second[0]}"
    return None
