"""What a caller says: samples, where the voice begins and ends in them, and ready packets."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from voice_agent.client.errors import SpeechUnreadableError
from voice_agent.client.opus import OPUS_RATE, encode_packets

PACKET_S = 0.02
"""Seconds of audio in one packet, the customary WebRTC packet time."""

PCM_RATE = 16000
"""Sample rate of what goes in over WebSocket, in Hz."""

VOICED_BELOW_PEAK_DB = 35.0
"""How far under the loudest moment of a recording its speech still counts as voice."""

VOICED_FLOOR_DB = -55.0
"""The level, in dB of full scale, under which nothing counts as voice."""

_WINDOW_S = 0.005

Samples = npt.NDArray[np.int16]


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Returns mono samples at another rate (soxr, high quality)."""
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate), dtype=np.int16)


def voiced_bounds(samples: Samples, sample_rate: int) -> tuple[float, float] | None:
    """Finds where the voice begins and ends, by level, in steps of 5 ms.

    Made for clean recordings; whoever adds noise takes the bounds of the clean one.

    Returns:
        Onset and end in seconds, or None when there is nothing audible.
    """
    window = max(1, int(sample_rate * _WINDOW_S))
    count = len(samples) // window
    if count == 0:
        return None
    windows = samples[: count * window].astype(np.float32).reshape(count, window) / 32768
    level = 10 * np.log10(np.mean(windows**2, axis=1) + 1e-12)
    threshold = max(float(level.max()) - VOICED_BELOW_PEAK_DB, VOICED_FLOOR_DB)
    voiced = np.flatnonzero(level > threshold)
    if voiced.size == 0:
        return None
    step = window / sample_rate
    return float(voiced[0]) * step, float(voiced[-1] + 1) * step


@dataclass(frozen=True, eq=False)
class Speech:
    """One thing to say. Encoded once, however many calls say it.

    Attributes:
        samples: Mono PCM16 at `sample_rate`.
        sample_rate: In Hz.
        onset_s: Where the voice begins, in seconds from the first sample.
        end_s: Where the last voiced sample is.
        name: What to call it in messages.
    """

    samples: Samples
    sample_rate: int
    onset_s: float
    end_s: float
    name: str = "speech"

    @classmethod
    def from_samples(cls, samples: Samples, sample_rate: int, name: str = "speech") -> Self:
        """Takes mono PCM16 samples and finds their voice.

        Raises:
            SpeechUnreadableError: Nothing audible is in them.
        """
        bounds = voiced_bounds(samples, sample_rate)
        if bounds is None:
            raise SpeechUnreadableError(f"{name} is silent: there is nothing to say in it")
        return cls(samples, sample_rate, *bounds, name=name)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a sound file of any rate and number of channels (mixed to mono).

        Raises:
            SpeechUnreadableError: It is missing, no sound file, empty or silent.
        """
        if not path.is_file():
            raise SpeechUnreadableError(f"{path} is not a file")
        try:
            data, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
            reason = str(error).rpartition(": ")[2].rstrip(".")
            raise SpeechUnreadableError(f"{path} cannot be read as sound: {reason}") from error
        if len(data) == 0:
            raise SpeechUnreadableError(f"{path} holds no samples")
        mono = np.nan_to_num(data.mean(axis=1)).clip(-1.0, 1.0) * 32767
        return cls.from_samples(mono.astype(np.int16), int(sample_rate), name=str(path))

    @property
    def duration_s(self) -> float:
        """The whole length in seconds."""
        return len(self.samples) / self.sample_rate

    @cached_property
    def pcm_packets(self) -> tuple[bytes, ...]:
        """Mono PCM16 at 16 kHz in packets of 20 ms; the last is filled up with silence."""
        packet_bytes = int(PCM_RATE * PACKET_S) * 2
        pcm = resample(self.samples, self.sample_rate, PCM_RATE).tobytes()
        pcm += bytes(-len(pcm) % packet_bytes)
        return tuple(pcm[i : i + packet_bytes] for i in range(0, len(pcm), packet_bytes))

    @cached_property
    def opus_packets(self) -> tuple[bytes, ...]:
        """Opus in packets of 20 ms, as many as `pcm_packets`."""
        packets = encode_packets(resample(self.samples, self.sample_rate, OPUS_RATE))
        return packets[: len(self.pcm_packets)]


@lru_cache(maxsize=1)
def room_noise() -> Speech:
    """Returns a second of what a microphone hears in a quiet room, about -72 dB of full scale.

    Said over and over between the utterances, as a real microphone never falls silent.
    """
    noise = np.random.default_rng(0).normal(0.0, 8.0, OPUS_RATE).astype(np.int16)
    return Speech(noise, OPUS_RATE, 0.0, 0.0, name="room noise")
