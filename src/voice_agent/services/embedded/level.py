"""Lifting quiet speech before it is recognised; cheap, for helper processes.

A quiet microphone is not heard well: the noise that is added under all that is recognised, which
lies as high as in a usual recording, covers the ends of its words. So what is quiet is lifted, by
the level of its loudest syllables so far.

What is loud enough passes untouched. The level is followed slowly: to follow it within a sentence,
as gain controls do, was measured to hear falling levels no better, and to lower what is loud does
not mend what was clipped.
"""

import math
import operator
from array import array
from itertools import repeat
from typing import Final

_LOUD_ENOUGH: Final = 6_000.0
"""The level, as root mean square of 10 ms of 16-bit samples, that syllables are lifted to."""
_LARGEST_GAIN: Final = 10.0
"""20 dB."""
_SILENCE: Final = 100.0
"""Below this level, which is 50 dB below full scale, there is no speech to judge by."""
_ABOVE_NOISE: Final = 4.0
"""Nor is there below so many times the level of the quietest frame so far: 12 dB above it."""
_RISE: Final = 0.5
"""How much of the way to the level of a louder frame is gone in one frame."""
_FALL: Final = 10 ** (-1 / 20 / 100)
"""What is left of the level after a frame that is quieter: it falls by 1 dB in a second."""
_LARGEST_SAMPLE: Final = 32_767


class QuietSpeechLifter:
    """Lifts the quiet speech of one utterance, 10 ms at a time."""

    def __init__(self) -> None:
        self._level = 0.0
        self._quietest = math.inf

    def lift(self, frame: bytes) -> bytes:
        """Return `frame`, 10 ms of 16-bit mono audio at any rate, as loud as it is to be."""
        samples = array("h", frame)
        if not samples:
            return frame
        self._follow(math.sqrt(sum(map(operator.mul, samples, samples)) / len(samples)))
        gain = self._gain(max(map(abs, samples)))
        if gain <= 1:
            return frame
        return array("h", map(int, map(operator.mul, samples, repeat(gain)))).tobytes()

    def _follow(self, level: float) -> None:
        self._quietest = min(level, self._quietest)
        if level < max(_SILENCE, _ABOVE_NOISE * self._quietest):
            return
        if not self._level:
            self._level = level
        elif level > self._level:
            self._level += _RISE * (level - self._level)
        else:
            self._level = max(level, self._level * _FALL)

    def _gain(self, peak: int) -> float:
        if not self._level:
            return 1.0
        wanted = min(_LARGEST_GAIN, _LOUD_ENOUGH / self._level)
        return min(wanted, _LARGEST_SAMPLE / peak) if peak else wanted
