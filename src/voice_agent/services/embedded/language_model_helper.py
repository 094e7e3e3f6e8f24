"""The helper process that builds an agent's language model: a second of work, done once.

It reads the general model and the dictionary that come with PocketSphinx, which takes 70 MB for a
moment; so it is a process of its own, and ends when the model is made.
"""

import heapq
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pocketsphinx

from voice_agent.core.words import words_of
from voice_agent.services.embedded.helper_channel import HelperChannel
from voice_agent.services.embedded.helper_protocol import Message
from voice_agent.services.embedded.language_model import build_arpa, likely_sentences
from voice_agent.services.embedded.letter_to_sound import installed_engines
from voice_agent.services.embedded.pronunciation import LetterToSound, pronounce
from voice_agent.services.embedded.recognition_protocol import (
    BUILD,
    LEFT_OUT,
    MODEL,
    encode_model,
)

BACKGROUND_WORDS: Final = 5000
"""How many frequent words of English stand beside the knowledge."""
_LOG_BASE: Final = 1.0001
"""The base of PocketSphinx's logarithms."""
_WRITTEN_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_VARIANT: Final = re.compile(r"\(\d+\)$")

Dictionary = dict[str, list[str]]


def read_dictionary(path: str) -> Dictionary:
    """Return the pronunciations of every word in a CMU dictionary file."""
    dictionary: Dictionary = {}
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            word, _, phones = line.strip().partition(" ")
            if phones:
                dictionary.setdefault(_VARIANT.sub("", word), []).append(phones)
    return dictionary


def frequent_words(model_path: str, words: Iterable[str], number: int) -> dict[str, float]:
    """Return the `number` words likeliest in a general model, with their probabilities."""
    model: Any = pocketsphinx.NGramModel(
        pocketsphinx.Config(loglevel="FATAL"), pocketsphinx.LogMath(), model_path
    )
    spoken = (word for word in words if word.isascii() and word.replace("'", "").isalpha())
    logarithms = ((model.prob([word]), word) for word in spoken)
    best = heapq.nlargest(number, logarithms)
    return {word: _LOG_BASE**logarithm for logarithm, word in best}


def written_forms(questions: Iterable[str]) -> dict[str, str]:
    """Return each word of `questions` as its author wrote it, with the most capitals."""
    forms: dict[str, str] = {}
    for question in questions:
        for written in _WRITTEN_WORD.findall(question):
            for word in words_of(written):
                capitals = sum(map(str.isupper, written))
                if capitals > sum(map(str.isupper, forms.get(word, ""))) or word not in forms:
                    forms[word] = written
    return forms


def build(questions: list[str], engines: list[LetterToSound]) -> tuple[str, str, list[str]]:
    """Return the language model, its dictionary, and the words left out for want of a sound."""
    dictionary = read_dictionary(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    background = frequent_words(
        pocketsphinx.get_model_path("en-us/en-us.lm.bin"), dictionary, BACKGROUND_WORDS
    )
    sentences = likely_sentences(questions)
    forms = written_forms(questions)
    needed = {word for sentence in sentences for word in sentence}
    known = {
        word: dictionary.get(word) or pronounce(forms.get(word, word), dictionary, engines)
        for word in needed
    }
    left_out = sorted(word for word, pronunciations in known.items() if not pronunciations)
    known = {word: pronunciations for word, pronunciations in known.items() if pronunciations}
    lines = []
    for word in sorted(known.keys() | background.keys()):
        for number, phones in enumerate(known.get(word) or dictionary[word], start=1):
            lines.append(f"{word} {phones}" if number == 1 else f"{word}({number}) {phones}")
    return build_arpa(sentences, known, background), "\n".join(lines) + "\n", left_out


def main() -> None:
    """Build models until our parent ends."""
    channel = HelperChannel.take_over()
    engines = installed_engines()
    channel.ready()
    for message in channel:
        if message.kind != BUILD:
            continue
        try:
            arpa, dictionary, left_out = build(json.loads(message.payload), engines)
        except (OSError, RuntimeError, ValueError) as error:
            channel.send_error(message.stream, str(error))
            continue
        channel.send(Message(LEFT_OUT, message.stream, json.dumps(left_out).encode()))
        channel.send(Message(MODEL, message.stream, encode_model(arpa, dictionary)))


if __name__ == "__main__":
    main()
