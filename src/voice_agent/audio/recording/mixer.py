"""Both sides of a call on one timeline. Pure: it is told when audio came, and asks no clock."""

from collections.abc import Iterator
from enum import Enum

import numpy as np
import soxr

from voice_agent.audio.recording.encoder import PACKET_SAMPLES, RATE

CALLER_RATE = 16_000
AGENT_RATE = RATE
LATENCY_S = 0.5
"""How far behind the newest audio the mix ends: what comes later than that is put after it."""
QUIET = 600
"""The loudest sample of what may be left out to make up for time, of 32767."""
_CHUNK_SAMPLES = 5 * PACKET_SAMPLES
"""What is mixed at once: array operations cost by their number here, not by their size."""
_CHUNK_S = _CHUNK_SAMPLES / RATE
_QUALITY = "MQ"
_PACKET_BYTES = 4 * PACKET_SAMPLES


class Side(Enum):
    """Whose audio it is."""

    CALLER = "caller"
    AGENT = "agent"


class Track:
    """One side: audio that waits to be mixed, each piece where it belongs.

    Audio goes on where the last ended as long as that is within `tolerance_s` of when it came, as
    nothing comes as evenly as it sounds. A side that is ahead of time, as after a stall of its
    connection, catches up where it is quiet.
    """

    def __init__(self, rate: int, tolerance_s: float) -> None:
        self._rate = rate
        self._tolerance = round(tolerance_s * rate)
        self._waiting = bytearray()
        self._taken = 0
        self._cut = -rate

    @property
    def end_s(self) -> float:
        """Where what it has ends."""
        return self._end / self._rate

    def put(self, ended_s: float, pcm: bytes) -> None:
        """Add mono PCM16 that ended at `ended_s`."""
        start = round(ended_s * self._rate) - len(pcm) // 2
        if start < self._cut + self._rate // 100:
            # It was on its way when the agent was interrupted.
            pcm = pcm[: 2 * max(0, self._cut - max(self._end, start))]
        gap = start - self._end
        if gap > (self._tolerance if self._waiting else 0):
            self._waiting += bytes(2 * gap)
        elif -gap > self._tolerance and _is_quiet(pcm):
            return
        self._waiting += pcm

    def cut(self, at_s: float) -> None:
        """Forget what would sound after `at_s`, and what comes later but began before it."""
        self._cut = round(at_s * self._rate)
        del self._waiting[2 * max(0, self._cut - self._taken) :]

    def take(self, samples: int) -> bytes:
        """Return the next `samples`, silence where there is nothing."""
        taken = bytes(self._waiting[: 2 * samples])
        del self._waiting[: 2 * samples]
        self._taken += samples
        return taken + bytes(2 * samples - len(taken))

    @property
    def _end(self) -> int:
        return self._taken + len(self._waiting) // 2


class StereoMixer:
    """Makes one stereo stream of both sides: left the caller, right the agent.

    All times are seconds since the recording began.
    """

    def __init__(self) -> None:
        # A network delivers less evenly than an output transport plays.
        self._caller = Track(CALLER_RATE, tolerance_s=0.25)
        self._agent = Track(AGENT_RATE, tolerance_s=0.1)
        self._tracks = {Side.CALLER: self._caller, Side.AGENT: self._agent}
        self._resampler = soxr.ResampleStream(
            CALLER_RATE, RATE, num_channels=1, dtype="float32", quality=_QUALITY
        )
        self._left = np.zeros(0, np.int16)
        self._right = np.zeros(0, np.int16)
        self._chunks = 0
        self._end_s = 0.0

    @property
    def end_s(self) -> float:
        """Where the finished mix ends."""
        return self._end_s

    def put(self, side: Side, at_s: float, pcm: bytes) -> None:
        """Add audio of a side that has just ended, mono PCM16 of its rate."""
        self._tracks[side].put(at_s, pcm)

    def interrupted(self, at_s: float) -> None:
        """Forget what the agent would have said after `at_s`."""
        self._agent.cut(at_s)

    def mix(self, now_s: float) -> Iterator[bytes]:
        """Return what nothing can change any more, in packets of interleaved PCM16."""
        while (self._chunks + 1) * _CHUNK_S <= now_s - LATENCY_S:
            yield from self._next()

    def finish(self, now_s: float) -> Iterator[bytes]:
        """Return all the rest and some silence; what the agent had still to say is not of it."""
        self._agent.cut(now_s)
        self._end_s = max(now_s, self._caller.end_s)
        while self._chunks * _CHUNK_S < self._end_s:
            yield from self._next()
        self._add_left(b"", last=True)
        yield from self._whole()

    def _next(self) -> Iterator[bytes]:
        self._chunks += 1
        self._add_left(self._caller.take(_CHUNK_SAMPLES * CALLER_RATE // RATE))
        right = np.frombuffer(self._agent.take(_CHUNK_SAMPLES), np.int16)
        self._right = np.concatenate((self._right, right))
        yield from self._whole()

    def _add_left(self, pcm: bytes, *, last: bool = False) -> None:
        # The resampler holds back what it still needs, and so the left side lags until the end.
        # In floats, as it would add noise to integers, also to silence.
        samples = np.frombuffer(pcm, np.int16).astype(np.float32)
        resampled = self._resampler.resample_chunk(samples, last=last)
        left = np.clip(np.rint(resampled), -32_768, 32_767).astype(np.int16)
        self._left = np.concatenate((self._left, left))

    def _whole(self) -> Iterator[bytes]:
        samples = min(len(self._left), len(self._right)) // PACKET_SAMPLES * PACKET_SAMPLES
        if samples:
            both = np.stack((self._left[:samples], self._right[:samples]), axis=1).tobytes()
            self._left, self._right = self._left[samples:], self._right[samples:]
            yield from (both[at : at + _PACKET_BYTES] for at in range(0, len(both), _PACKET_BYTES))


def _is_quiet(pcm: bytes) -> bool:
    samples = np.frombuffer(pcm, np.int16)
    return not samples.size or max(int(samples.max()), -int(samples.min())) < QUIET
