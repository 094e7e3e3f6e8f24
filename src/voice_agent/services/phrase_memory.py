"""What fixed phrases sound like in a voice, kept within a bound. Pure."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import ResourceKey, ResourceStatistics

_SMALLEST_PART: Final = 64
"""Bytes that Python needs beside the samples of a part."""
_WORD_SIZE: Final = 256
"""Bytes that it needs for a word with its time."""


class TimedWord(NamedTuple):
    """A word and the second of its phrase at which it begins."""

    text: str
    at_s: float
    includes_spaces: bool = False
    """Whether the spaces round it are part of it."""


@dataclass(frozen=True)
class Phrase:
    """Speech as it was made: parts of 16-bit mono samples, at the rate that its voice names.

    `words` is there for voices that say when they say them.
    """

    parts: tuple[bytes, ...]
    words: tuple[TimedWord, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        samples = sum(len(part) + _SMALLEST_PART for part in self.parts)
        return samples + len(self.words) * _WORD_SIZE


class PhraseMemory:
    """Phrases by voice and exact text; the one that was said longest ago goes first.

    A voice is whatever tells apart what would sound different: model, voice, speed, sample rate.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._phrases: OrderedDict[tuple[Hashable, str], Phrase] = OrderedDict()
        self._size = 0
        self._made = 0
        self._recalled = 0
        self._forgotten = 0

    @property
    def limit(self) -> int:
        """How many bytes all phrases may take together."""
        return self._limit

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self._size

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._phrases)

    def recall(self, voice: Hashable, text: str) -> Phrase | None:
        """Return what `text` sounds like, None when that is not known."""
        phrase = self._phrases.get((voice, text))
        if phrase is not None:
            self._phrases.move_to_end((voice, text))
            self._recalled += 1
        return phrase

    def keep(
        self,
        voice: Hashable,
        text: str,
        parts: Sequence[bytes],
        words: Sequence[TimedWord] = (),
    ) -> None:
        """Keep what `text` sounds like, and forget others when there is no room.

        What alone takes more than there may be is not kept.
        """
        phrase = Phrase(tuple(parts), tuple(words))
        if phrase.size > self._limit:
            return
        self._made += 1
        self._drop(self._phrases.pop((voice, text), None))
        self._phrases[voice, text] = phrase
        self._size += phrase.size
        while self._size > self._limit:
            self._drop(self._phrases.popitem(last=False)[1])
            self._forgotten += 1

    def statistics(self, key: ResourceKey) -> ResourceStatistics:
        """Return its counts, under `key`: phrases kept, made, said from memory, and forgotten."""
        return ResourceStatistics(
            key,
            size=len(self),
            in_use=0,
            idle=len(self),
            created=self._made,
            reused=self._recalled,
            retired=self._forgotten,
        )

    def _drop(self, phrase: Phrase | None) -> None:
        self._size -= phrase.size if phrase else 0


def is_written_by(agent: Agent, text: str) -> bool:
    """Return whether `text` stands word for word in what the author of `agent` lets it say."""
    if agent.greeting and text in agent.greeting:
        return True
    return any(text in entry.answer for entry in agent.knowledge)
