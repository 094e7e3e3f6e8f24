"""Speech for tests: audio that carries its words, so that what was really played can be read.

A word lasts as long as saying it takes, in blocks of 20 ms that each hold it; it counts as heard
when its last block has arrived. It needs no recogniser, no voice and no agreement between those
who speak and those who listen. Mono, 16 bit, at any rate from 16 kHz on; it does not survive
resampling or lossy codecs.
"""

import itertools
from array import array
from collections.abc import Iterator, Sequence

BLOCK_S = 0.02
SECONDS_PER_CHARACTER = 0.06
"""About 160 words a minute."""
LOUD = 4_000
"""Samples beyond this are speech to the scripted voice activity engine."""

_LEVEL = 6_000
_MAGIC = array("h", (12_000, -12_001, 12_002, -12_003)).tobytes()
_HEADER_SAMPLES = 5
"""Utterance number in two, word number in one, last block or not, length of the word."""
_MAX_WORD_BYTES = 255
_utterances = itertools.count(1)


def spoken(text: str, sample_rate: int) -> bytes:
    """Return `text` as audio of `sample_rate` samples a second; no audio for no words."""
    utterance = next(_utterances) % 65_536
    blocks: list[bytes] = []
    for number, word in enumerate(text.split()):
        encoded = word.encode()[:_MAX_WORD_BYTES]
        count = max(1, round((len(word) + 1) * SECONDS_PER_CHARACTER / BLOCK_S))
        for index in range(count):
            header = (
                utterance >> 8,
                utterance & 255,
                number & 255,
                int(index == count - 1),
                len(encoded),
            )
            blocks.append(_block((*header, *encoded), sample_rate))
    return b"".join(blocks)


def noise(seconds: float, sample_rate: int) -> bytes:
    """Return `seconds` of loud sound without words."""
    samples = round(seconds * sample_rate)
    return array("h", itertools.islice(itertools.cycle((_LEVEL, -_LEVEL)), samples)).tobytes()


def silence(seconds: float, sample_rate: int) -> bytes:
    """Return `seconds` of silence."""
    return bytes(2 * round(seconds * sample_rate))


def duration_s(audio: bytes, sample_rate: int) -> float:
    """Return how long `audio` lasts, in seconds."""
    return len(audio) / 2 / sample_rate


def is_loud(audio: bytes) -> bool:
    """Return whether anything in `audio` is louder than silence."""
    samples = array("h", audio[: len(audio) & ~1])
    return bool(samples) and (max(samples) > LOUD or min(samples) < -LOUD)


class WordReader:
    """Reads the words out of audio that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._last: tuple[int, int] | None = None

    def read(self, audio: bytes) -> Sequence[str]:
        """Return the words that ended in `audio`."""
        self._rest += audio
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        while (at := self._rest.find(_MAGIC)) >= 0:
            start = at + len(_MAGIC)
            header = self._values(start, _HEADER_SAMPLES)
            if header is None:
                break
            high, low, number, is_last, length = header
            word = self._values(start + 2 * _HEADER_SAMPLES, length)
            if word is None:
                break
            self._rest = self._rest[start + 2 * (_HEADER_SAMPLES + length) :]
            key = (high << 8 | low, number)
            if is_last and key != self._last:
                self._last = key
                yield bytes(word).decode(errors="replace")
        else:
            self._rest = self._rest[-(len(_MAGIC) - 2) :]

    def _values(self, start: int, count: int) -> Sequence[int] | None:
        samples = self._rest[start : start + 2 * count]
        if len(samples) < 2 * count:
            return None
        return [min(255, max(0, abs(sample) - _LEVEL)) for sample in array("h", samples)]


def _block(values: Sequence[int], sample_rate: int) -> bytes:
    samples = array("h", _MAGIC)
    filler = round(BLOCK_S * sample_rate) - len(samples) - len(values)
    for index, value in enumerate(itertools.chain(values, itertools.repeat(0, filler))):
        level = _LEVEL + value
        samples.append(level if index % 2 == 0 else -level)
    return samples.tobytes()
