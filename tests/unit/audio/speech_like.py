"""Sound in which Silero hears speech."""

import numpy as np
import numpy.typing as npt

RATE = 16_000
"""Samples a second."""


def speech_like(seconds: float) -> npt.NDArray[np.int16]:
    """Return loud, changing sound between silences, 16-bit at 16 kHz."""
    times = np.arange(int(RATE * seconds)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 3 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 30)], axis=0)
    syllables = (np.sin(2 * np.pi * 4 * times) > -0.3) * (np.sin(2 * np.pi * 0.4 * times) > 0)
    loud = 9000 * voice / np.max(np.abs(voice)) * syllables
    return np.asarray(loud, np.int16)
