"""What is to be heard in a recording."""

from pathlib import Path

import av
import numpy as np

RATE = 48_000
BLOCK = RATE // 100
LOUD = 500
"""The level, root of the mean square, from which a block of 10 ms counts as sound."""


def tone(seconds: float, rate: int, hertz: float = 500.0) -> bytes:
    """Return a loud tone that survives resampling and Opus."""
    times = np.arange(round(seconds * rate)) / rate
    return (9_000 * np.sin(2 * np.pi * hertz * times)).astype(np.int16).tobytes()


def decoded(path: Path) -> np.ndarray:
    """Return both channels of a file, 48 kHz, as FFmpeg plays it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].layout.name == "stereo"
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def heard_in(channel: np.ndarray, *, join_s: float = 0.05) -> list[tuple[float, float]]:
    """Return from when to when there is sound, in seconds; pauses under `join_s` do not count."""
    scale = 32_768 if channel.dtype.kind == "f" else 1
    samples = channel.astype(float) * scale
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    loud = np.sqrt((blocks**2).mean(axis=1)) > LOUD
    found: list[tuple[float, float]] = []
    for index in np.flatnonzero(loud):
        began, ended = index * BLOCK / RATE, (index + 1) * BLOCK / RATE
        if found and began - found[-1][1] < join_s:
            found[-1] = (found[-1][0], ended)
        else:
            found.append((began, ended))
    return found
