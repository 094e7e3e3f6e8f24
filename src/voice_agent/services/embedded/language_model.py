"""The language model of one agent: what its callers are likely to say, and what else they might.

A trigram model over the questions the agent knows, in the wordings people use, backs off to single
words: half of it the agent's, half of it the frequent words of English. So a question in other
words is still understood, and speech about something else is heard as other words, instead of being
forced into the knowledge. Pure; runs in the helper that builds it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from voice_agent.core.words import words_of

Sentence = tuple[str, ...]

KNOWLEDGE_SHARE: Final = 0.7
"""How much of a word's probability comes from the knowledge, where it has anything to say."""
_ESCAPE: Final = 0.6
"""Scales the mass that Witten-Bell smoothing keeps for words unseen after a history."""
_SMALLEST: Final = 1e-7
_QUESTION_COUNT: Final = 4.0
_WORDING_COUNT: Final = 0.08
_COURTESY_COUNT: Final = 3.0
_OPENINGS: Final = tuple(
    tuple(words_of(opening))
    for opening in (
        "", "", "hello", "hi", "please tell me", "can you tell me", "could you tell me",
        "I would like to know", "excuse me", "so", "okay", "and", "do you know",
    )
)  # fmt: skip
_CLOSINGS: Final = tuple(tuple(words_of(end)) for end in ("", "", "", "please", "today", "then"))
COURTESIES: Final = (
    "hello", "hi there", "good morning", "good afternoon", "good evening", "how are you",
    "thank you", "thanks", "thank you very much", "thanks a lot", "goodbye", "bye", "bye bye",
    "see you", "can you repeat that", "say that again please", "could you say that again", "pardon",
    "sorry what did you say", "what did you say", "once more please", "what can you do",
    "what do you know", "what can I ask you", "what can you help me with", "help",
    "can you help me", "yes", "no", "okay", "yes please", "no thank you", "stop", "wait",
    "I do not know",
    "never mind", "that is all", "great", "I have a question",
)  # fmt: skip
"""What callers of every agent say."""


def likely_sentences(questions: Iterable[str]) -> dict[Sentence, float]:
    """Return what a caller may say to an agent that knows `questions`, with how often."""
    sentences: defaultdict[Sentence, float] = defaultdict(float)
    for question in questions:
        words = tuple(words_of(question))
        if not words:
            continue
        sentences[words] += _QUESTION_COUNT
        for opening in _OPENINGS:
            for closing in _CLOSINGS:
                sentences[opening + words + closing] += _WORDING_COUNT
    for courtesy in COURTESIES:
        sentences[tuple(words_of(courtesy))] += _COURTESY_COUNT
    return sentences


def build_arpa(
    sentences: Mapping[Sentence, float], known: Iterable[str], background: Mapping[str, float]
) -> str:
    """Return a trigram model in ARPA format.

    Args:
        sentences: What is likely to be said, with weights.
        known: The words of `sentences` that have a pronunciation; others are passed over.
        background: Frequent words and their probabilities, pronunciations known.
    """
    vocabulary = set(known) | set(background)
    counts = _Counts(sentences, vocabulary)
    words = [*sorted(vocabulary), "</s>"]
    total = sum(counts.words.values())
    floor = sum(max(background.get(word, 0.0), _SMALLEST) for word in words)
    single = {
        word: KNOWLEDGE_SHARE * counts.words[word] / total
        + (1 - KNOWLEDGE_SHARE) * max(background.get(word, 0.0), _SMALLEST) / floor
        for word in words
    }
    pairs: dict[str, dict[str, float]] = {}
    pair_backoff: dict[str, float] = {}
    for history, following in counts.pairs.items():
        pairs[history], pair_backoff[history] = _mix(following, single, KNOWLEDGE_SHARE)
    triples: dict[tuple[str, str], dict[str, float]] = {}
    triple_backoff: dict[tuple[str, str], float] = {}
    for (first, second), following in counts.triples.items():
        lower = {
            word: pairs[second].get(word, pair_backoff[second] * single[word]) for word in following
        }
        triples[first, second], triple_backoff[first, second] = _mix(following, lower, 1.0)
    return _write(words, single, pairs, pair_backoff, triples, triple_backoff)


def _zeros() -> defaultdict[str, float]:
    return defaultdict(float)


class _Counts:
    """How often words, pairs and triples of them occur in the weighted sentences."""

    def __init__(self, sentences: Mapping[Sentence, float], vocabulary: set[str]) -> None:
        self.words: defaultdict[str, float] = defaultdict(float)
        self.pairs: defaultdict[str, defaultdict[str, float]] = defaultdict(_zeros)
        self.triples: defaultdict[tuple[str, str], defaultdict[str, float]] = defaultdict(_zeros)
        for sentence, weight in sentences.items():
            spoken = ["<s>", *(word for word in sentence if word in vocabulary), "</s>"]
            for at in range(1, len(spoken)):
                self.words[spoken[at]] += weight
                self.pairs[spoken[at - 1]][spoken[at]] += weight
                if at > 1:
                    self.triples[spoken[at - 2], spoken[at - 1]][spoken[at]] += weight


def _mix(
    following: Mapping[str, float], lower: Mapping[str, float], share: float
) -> tuple[dict[str, float], float]:
    """Return the probabilities after a history, and its back-off weight (Witten-Bell)."""
    total = sum(following.values())
    trust = share * total / (total + _ESCAPE * len(following))
    mixed = {
        word: trust * count / total + (1 - trust) * lower[word] for word, count in following.items()
    }
    left = max(1e-6, 1 - sum(mixed.values()))
    left_below = max(1e-6, 1 - sum(lower[word] for word in mixed))
    return mixed, left / left_below


def _write(
    words: list[str],
    single: Mapping[str, float],
    pairs: Mapping[str, Mapping[str, float]],
    pair_backoff: Mapping[str, float],
    triples: Mapping[tuple[str, str], Mapping[str, float]],
    triple_backoff: Mapping[tuple[str, str], float],
) -> str:
    lines = [
        "\\data\\",
        f"ngram 1={len(words) + 1}",
        f"ngram 2={sum(map(len, pairs.values()))}",
        f"ngram 3={sum(map(len, triples.values()))}",
        "\n\\1-grams:",
        f"-99 <s> {_log(pair_backoff['<s>'])}",
    ]
    lines += [f"{_log(single[word])} {word} {_log(pair_backoff.get(word, 1.0))}" for word in words]
    lines.append("\n\\2-grams:")
    for first, following in pairs.items():
        for second, probability in following.items():
            backoff = _log(triple_backoff.get((first, second), 1.0))
            lines.append(f"{_log(probability)} {first} {second} {backoff}")
    lines.append("\n\\3-grams:")
    for (first, second), following in triples.items():
        for third, probability in following.items():
            lines.append(f"{_log(probability)} {first} {second} {third}")
    lines.append("\n\\end\\\n")
    return "\n".join(lines)


def _log(value: float) -> str:
    return f"{math.log10(max(value, 1e-9)):.4f}"
