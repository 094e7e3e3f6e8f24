"""Finding what an agent knows: from what was said, or heard, to the entry that answers it.

Two texts are compared by words. `rapidfuzz` says how alike two words are, which forgives endings
and what a recogniser made of them; how rare a word is in the agent's knowledge says how much it
counts (soft TF-IDF, Cohen, Ravikumar and Fienberg 2003). Pure and synchronous: build an index once
for an agent's version, off the event loop.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from voice_agent.core.agent import Agent, KnowledgeEntry
from voice_agent.core.words import FUNCTION_WORDS, words_of

ANSWER_THRESHOLD: Final = 0.5
"""From this score on an entry is the answer. Chosen on questions that are in no test."""
COMPLETE_THRESHOLD: Final = 0.8
"""From this score on the text is surely a whole question that the agent knows."""
_SAME_WORD: Final = 0.88
"""Words less alike than this (Jaro-Winkler, 0 to 1) are different words."""
_FUNCTION_WEIGHT: Final = 0.2
"""What words like "the" and "can" count, of what they would by their rarity."""
_QUESTION_SHARE: Final = 0.6
"""How much of the score is likeness to one question; the rest is what the entry covers."""
_LONGEST_TEXT_WORDS: Final = 100


@dataclass(frozen=True)
class Match:
    """An entry that fits a text, and how well: 0 is not at all, 1 is word for word."""

    entry: KnowledgeEntry
    score: float


class KnowledgeIndex:
    """All that one version of an agent knows, ready to be searched. Immutable, shared by legs."""

    def __init__(self, agent: Agent) -> None:
        self._entries = agent.knowledge
        questions = [
            (number, words)
            for number, entry in enumerate(agent.knowledge)
            for words in map(words_of, entry.questions)
            if words
        ]
        entries_of_word: dict[str, set[int]] = {}
        for number, words in questions:
            for word in words:
                entries_of_word.setdefault(word, set()).add(number)
        self._vocabulary = sorted(entries_of_word)
        position = {word: at for at, word in enumerate(self._vocabulary)}
        self._weights = np.array(
            [self._weight(word, len(entries_of_word[word])) for word in self._vocabulary]
        )
        self._function_columns = np.array([word in FUNCTION_WORDS for word in self._vocabulary])
        self._entry_of_question = np.array([number for number, _ in questions], dtype=np.intp)
        self._questions = np.zeros((len(questions), len(self._vocabulary)))
        for row, (_, words) in enumerate(questions):
            for word, count in Counter(words).items():
                self._questions[row, position[word]] = count
        self._questions *= self._weights
        lengths = np.linalg.norm(self._questions, axis=1, keepdims=True)
        self._questions /= np.maximum(lengths, 1e-9)
        self._covered = np.zeros((len(self._entries), len(self._vocabulary)))
        for word, numbers in entries_of_word.items():
            self._covered[sorted(numbers), position[word]] = 1.0

    @property
    def entries(self) -> tuple[KnowledgeEntry, ...]:
        """All entries, in the author's order."""
        return self._entries

    def best(self, text: str) -> Match | None:
        """Return the entry that fits `text` best, or None when none is likely to answer it."""
        match = self.nearest(text)
        return match if match is not None and match.score >= ANSWER_THRESHOLD else None

    def nearest(self, text: str) -> Match | None:
        """Return the entry that fits `text` best however badly; None if they share no word."""
        words = words_of(text)[:_LONGEST_TEXT_WORDS]
        if not words or not self._vocabulary:
            return None
        counts = Counter(words)
        spoken = list(counts)
        alike = process.cdist(
            spoken,
            self._vocabulary,
            scorer=JaroWinkler.normalized_similarity,
            score_cutoff=_SAME_WORD,
            dtype=np.float64,
        )
        self._match_function_words_exactly(spoken, alike)
        weights = self._spoken_weights(spoken, alike) * np.array([counts[word] for word in spoken])
        length = float(np.linalg.norm(weights))
        if length == 0.0:
            return None
        scores = self._likeness(weights / length, alike) * _QUESTION_SHARE
        scores += (1 - _QUESTION_SHARE) * self._coverage(weights, alike)
        number = int(np.argmax(scores))
        score = float(scores[number])
        return Match(self._entries[number], min(score, 1.0)) if score > 0 else None

    def is_complete_question(self, text: str) -> bool:
        """Return whether `text` is surely one of the questions the agent knows, to its end."""
        match = self.nearest(text)
        return match is not None and match.score >= COMPLETE_THRESHOLD

    def _weight(self, word: str, entry_count: int) -> float:
        rarity = math.log(1 + len(self._entries) / entry_count)
        return rarity * (_FUNCTION_WEIGHT if word in FUNCTION_WORDS else 1.0)

    def _match_function_words_exactly(self, spoken: list[str], alike: NDArray[np.float64]) -> None:
        """Keep "could" from passing for "cloud"."""
        for row, word in enumerate(spoken):
            if word in FUNCTION_WORDS:
                alike[row] = alike[row] >= 1.0
            else:
                alike[row, self._function_columns & (alike[row] < 1.0)] = 0.0

    def _spoken_weights(self, spoken: list[str], alike: NDArray[np.float64]) -> NDArray[np.float64]:
        unknown = [self._weight(word, 1) for word in spoken]
        known = alike.max(axis=1)
        of_nearest = self._weights[alike.argmax(axis=1)]
        return np.where(known > 0, of_nearest, unknown)

    def _likeness(
        self, spoken: NDArray[np.float64], alike: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        per_question = np.einsum("w,wv,qv->q", spoken, alike, self._questions, optimize=True)
        best = np.zeros(len(self._entries))
        np.maximum.at(best, self._entry_of_question, per_question)
        return best

    def _coverage(
        self, weights: NDArray[np.float64], alike: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        found = np.max(alike[:, None, :] * self._covered[None, :, :], axis=2)
        covered: NDArray[np.float64] = weights @ found / weights.sum()
        return covered
