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
from voice_agent.core.words import DANGLING_WORDS, FUNCTION_WORDS, words_of

ANSWER_THRESHOLD: Final = 0.5
"""From this score on an entry is the answer. Chosen on questions that are in no test."""
COMPLETE_THRESHOLD: Final = 0.7
"""From this score on a text that does not break off is a whole question that the agent knows."""
_SAME_WORD: Final = 0.88
"""Words less alike than this (Jaro-Winkler, 0 to 1) are different words."""
_FUNCTION_WEIGHT: Final = 0.2
"""What words like "the" and "can" count, of what they would by their rarity."""
_QUESTION_SHARE: Final = 0.6
"""How much of the score is likeness to one question; the rest is what the entry covers."""
_LONGEST_TEXT_WORDS: Final = 100

Floats = NDArray[np.float64]


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
        self._entries_with = [
            np.array(sorted(entries_of_word[word]), dtype=np.intp) for word in self._vocabulary
        ]
        self._questions_with: list[NDArray[np.intp]] = []
        self._shares_of_questions: list[Floats] = []
        self._index_questions([Counter(words) for _, words in questions], position)

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
        scores = _QUESTION_SHARE * self._likeness(weights / length @ alike)
        scores += (1 - _QUESTION_SHARE) * self._coverage(weights / weights.sum(), alike)
        number = int(np.argmax(scores))
        score = float(scores[number])
        return Match(self._entries[number], min(score, 1.0)) if score > 0 else None

    def is_complete_question(self, text: str) -> bool:
        """Return whether `text` is surely one of the questions the agent knows, to its end.

        It is not when its last word promises more ("how do I get to the"), unless the agent knows
        a question with that ending.
        """
        match = self.nearest(text)
        if match is None or match.score < COMPLETE_THRESHOLD:
            return False
        last = words_of(text)[-1]
        endings = {words[-1] for question in match.entry.questions if (words := words_of(question))}
        return last not in DANGLING_WORDS or last in endings

    def _weight(self, word: str, entry_count: int) -> float:
        rarity = math.log(1 + len(self._entries) / entry_count)
        return rarity * (_FUNCTION_WEIGHT if word in FUNCTION_WORDS else 1.0)

    def _match_function_words_exactly(self, spoken: list[str], alike: Floats) -> None:
        """Keep "could" from passing for "cloud"."""
        for row, word in enumerate(spoken):
            if word in FUNCTION_WORDS:
                alike[row] = alike[row] >= 1.0
            else:
                alike[row, self._function_columns & (alike[row] < 1.0)] = 0.0

    def _spoken_weights(self, spoken: list[str], alike: Floats) -> Floats:
        unknown = [self._weight(word, 1) for word in spoken]
        known = alike.max(axis=1)
        of_nearest = self._weights[alike.argmax(axis=1)]
        return np.where(known > 0, of_nearest, unknown)

    def _index_questions(self, questions: list[Counter[str]], position: dict[str, int]) -> None:
        """Note for each word in which questions it is, and its share of their length."""
        numbers: list[list[int]] = [[] for _ in self._vocabulary]
        shares: list[list[float]] = [[] for _ in self._vocabulary]
        for number, counts in enumerate(questions):
            weights = {position[word]: count for word, count in counts.items()}
            length = math.hypot(*(self._weights[at] * count for at, count in weights.items()))
            for at, count in weights.items():
                numbers[at].append(number)
                shares[at].append(self._weights[at] * count / max(length, 1e-9))
        self._questions_with = [np.array(found, dtype=np.intp) for found in numbers]
        self._shares_of_questions = [np.array(found) for found in shares]

    def _likeness(self, spoken: Floats) -> Floats:
        """Return how like each entry's best question is to `spoken`, by words of the vocabulary."""
        per_question = np.zeros(len(self._entry_of_question))
        for at in np.flatnonzero(spoken):
            per_question[self._questions_with[at]] += spoken[at] * self._shares_of_questions[at]
        best = np.zeros(len(self._entries))
        np.maximum.at(best, self._entry_of_question, per_question)
        return best

    def _coverage(self, shares: Floats, alike: Floats) -> Floats:
        """Return how much of what was spoken is anywhere in each entry's questions."""
        covered = np.zeros(len(self._entries))
        for share, likenesses in zip(shares, alike, strict=True):
            found = np.zeros(len(self._entries))
            for at in np.flatnonzero(likenesses):
                with_word = self._entries_with[at]
                found[with_word] = np.maximum(found[with_word], likenesses[at])
            covered += share * found
        return covered
