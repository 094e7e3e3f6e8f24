"""Takes off the quiet with which a voice begins. Pure."""

from typing import Final

import numpy as np

WINDOW_S: Final = 0.01
AUDIBLE_LEVEL: Final = 100.0
"""Root mean square, of 32768, from which on a window is audible: 50 dB below full scale."""
KEPT_S: Final = 0.02
"""How much before the first audible window stays: consonants begin softly."""
LONGEST_S: Final = 0.5
"""No more than that is taken off; a longer quiet is meant."""


class LeadingSilence:
    """Takes 16-bit mono samples as they come, and gives back what follows the quiet.

    flite's voices begin with 140 to 270 ms of it (measured), which a caller would wait for.
    """

    def __init__(self, sample_rate: int) -> None:
        self._window = int(sample_rate * WINDOW_S)
        self._kept = int(sample_rate * KEPT_S) * 2
        self._longest = int(sample_rate * LONGEST_S) * 2
        self._quiet = bytearray()
        self._looked_at = 0
        self._is_over = False

    def after(self, audio: bytes) -> bytes:
        """Return what is to be heard of all samples up to `audio`; nothing while it is quiet."""
        if self._is_over:
            return audio
        self._quiet += audio
        samples = np.frombuffer(self._quiet, np.int16)[self._looked_at :]
        count = len(samples) // self._window
        windows = samples[: count * self._window].astype(np.float32).reshape(count, self._window)
        audible = np.flatnonzero(np.sqrt(np.square(windows).mean(axis=1)) > AUDIBLE_LEVEL)
        del samples
        if not len(audible):
            self._looked_at += count * self._window
            return self.rest() if len(self._quiet) > self._longest else b""
        self._is_over = True
        onset = (self._looked_at + int(audible[0]) * self._window) * 2
        return bytes(self._quiet[max(0, min(onset, self._longest) - self._kept) :])

    def rest(self) -> bytes:
        """Return what is left when nothing became audible, at most its last 20 ms."""
        if self._is_over:
            return b""
        self._is_over = True
        return bytes(self._quiet[-self._kept :])
