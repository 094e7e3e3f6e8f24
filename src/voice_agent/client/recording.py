"""Writing down a call: the bot's side as it was heard, or both sides next to each other."""

import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voice_agent.client.heard import Played
from voice_agent.client.microphone import Utterance
from voice_agent.client.speech import resample

RECORDING_RATE = 24000
"""Sample rate of the files that are written, in Hz."""

Samples = npt.NDArray[np.int16]

_SNAP_S = 0.06


def lay_out(played: Iterable[Played], sample_rate: int, start: float) -> Samples:
    """Lays stretches of audio on one time line.

    Args:
        played: In the order of their time.
        sample_rate: Theirs, in Hz.
        start: The monotonic time of the first sample.

    Returns:
        Mono samples at `sample_rate`, with silence where nothing was played. Stretches that are
        within 60 ms of each other are joined, for a player does not hear the network's jitter.
    """
    parts: list[Samples] = []
    position = 0
    for stretch in played:
        wanted = round((stretch.at - start) * sample_rate)
        if wanted - position > _SNAP_S * sample_rate:
            parts.append(np.zeros(wanted - position, np.int16))
            position = wanted
        parts.append(stretch.samples)
        position += len(stretch.samples)
    return np.concatenate(parts) if parts else np.empty(0, np.int16)


def user_side(utterances: Sequence[Utterance], start: float) -> Samples:
    """Lays what the caller said on the call's time line.

    Returns:
        Mono samples at 24 kHz.
    """
    said = [
        Played(
            utterance.started_at,
            resample(utterance.speech.samples, utterance.speech.sample_rate, RECORDING_RATE),
            utterance.started_at,
        )
        for utterance in utterances
        if utterance.started_at is not None
    ]
    return lay_out(said, RECORDING_RATE, start)


def bot_side(played: Sequence[Played], sample_rate: int, start: float) -> Samples:
    """Lays what the bot said on the call's time line.

    Returns:
        Mono samples at 24 kHz.
    """
    return resample(lay_out(played, sample_rate, start), sample_rate, RECORDING_RATE)


def write_wav(path: Path, *channels: Samples) -> None:
    """Writes channels of 24 kHz samples, the shorter filled up with silence, as a PCM16 wav.

    Raises:
        OSError: The file cannot be written.
    """
    length = max(len(channel) for channel in channels)
    interleaved = np.zeros((length, len(channels)), np.int16)
    for index, channel in enumerate(channels):
        interleaved[: len(channel), index] = channel
    # Opened first: a `wave` that fails to open complains again when it is collected.
    with path.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RECORDING_RATE)
        file.writeframes(interleaved.tobytes())
