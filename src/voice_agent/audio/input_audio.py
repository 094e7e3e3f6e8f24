"""Audio at the WebSocket's door: what a client sends becomes 16 kHz mono, at most in real time.

WebRTC's audio does not pass here: Pipecat resamples it, and what is not read in time is lost.
"""

from collections.abc import Callable

import numpy as np
import soxr

MIN_RATE, MAX_RATE = 8_000, 48_000
"""Sample rates that are taken, in Hz."""
BURST_S = 5.0
"""Seconds of audio that a client may be ahead of real time."""
CATCH_UP_S = 20.0
"""Seconds of audio that may come late all at once: TCP delivers what a stall held up."""
QUALITY = "MQ"
"""soxr's recipe: its filter holds back 15 to 30 ms, HQ up to 66 ms, which the caller would wait."""


class AudioRefusedError(Exception):
    """The audio cannot be used; the message says what would be right."""


class AudioFloodError(Exception):
    """Audio comes faster than real time."""


def require_usable(pcm: bytes, rate: int, channels: int) -> None:
    """Raise AudioRefusedError unless `pcm` is whole 16-bit samples of a rate that is taken."""
    if not MIN_RATE <= rate <= MAX_RATE or channels not in (1, 2):
        raise AudioRefusedError(
            f"audio of {rate} Hz with {channels} channels; send 16-bit PCM of "
            f"{MIN_RATE} to {MAX_RATE} Hz, mono or stereo (best: 16000 Hz mono)"
        )
    if len(pcm) % (2 * channels):
        raise AudioRefusedError(
            f"{len(pcm)} bytes are no whole number of 16-bit samples for {channels} channels"
        )


class InputAudio:
    """Converts one client's audio to 16-bit mono at `rate` Hz, and holds it to real time.

    `now` returns seconds of a monotonic clock. To be made when the client may begin to send: what
    he sent while this side was busy is not ahead of real time.
    """

    def __init__(self, rate: int, now: Callable[[], float]) -> None:
        self._rate = rate
        self._now = now
        self._source_rate = rate
        self._resampler: soxr.ResampleStream | None = None
        self._received_until = now()

    def convert(self, pcm: bytes, rate: int, channels: int) -> bytes:
        """Return `pcm` (16-bit, interleaved, `rate` Hz) as mono at the target rate.

        The result may be shorter or empty while the resampler fills up.

        Raises:
            AudioRefusedError: Rate, channels or length make no sense.
            AudioFloodError: More than `BURST_S` seconds ahead of real time, after at most
                `CATCH_UP_S` seconds that were missing have been made up for.
        """
        require_usable(pcm, rate, channels)
        self._hold_to_real_time(len(pcm) / (2 * channels * rate))
        if channels == 1 and rate == self._rate:
            return pcm
        samples = np.frombuffer(pcm, np.int16)
        if channels == 2:
            samples = samples.reshape(-1, 2).mean(axis=1).astype(np.int16)
        return self._resample(samples, rate).tobytes()

    def _resample(self, samples: np.ndarray, rate: int) -> np.ndarray:
        if rate == self._rate:
            return samples
        if self._resampler is None or rate != self._source_rate:
            self._source_rate = rate
            self._resampler = soxr.ResampleStream(
                rate, self._rate, num_channels=1, dtype="int16", quality=QUALITY
            )
        converted: np.ndarray = self._resampler.resample_chunk(samples)
        return converted

    def _hold_to_real_time(self, seconds: float) -> None:
        now = self._now()
        # What never came is not saved up for ever.
        self._received_until = max(self._received_until, now - CATCH_UP_S) + seconds
        ahead = self._received_until - now
        if ahead > BURST_S:
            raise AudioFloodError(
                f"audio is {ahead:.1f} s ahead of real time; send it as it is recorded"
            )
