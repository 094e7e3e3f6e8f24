"""What the listener hears of the bot and when, and the questions asked of it. Pure.

Over WebRTC a listener hears what arrives. Over WebSocket a player holds what has arrived in a
queue, plays it without gaps, and drops the rest when the bot is interrupted; `HeardAudio` works
out what such a player would have played.
"""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.int16]

WINDOW_S = 0.01
"""Seconds over which a level is taken."""

AUDIBLE_DB = -50.0
"""The level, in dB of full scale, from which a listener is taken to hear something."""

_JOINED_S = 0.03
_AUDIBLE_POWER = (32768.0**2) * 10 ** (AUDIBLE_DB / 10)


@dataclass(frozen=True, slots=True)
class Played:
    """A stretch of the bot's audio as it was played.

    Attributes:
        at: When its first sample sounded, in monotonic seconds.
        samples: Mono PCM16.
        arrived_at: When it arrived; over WebSocket earlier than it sounds.
    """

    at: float
    samples: Samples
    arrived_at: float


class HeardAudio:
    """The bot's side of a call.

    What is audible is kept as spans; what is less than 30 ms apart is one span.

    Args:
        sample_rate: Of the audio given to `add`, in Hz.
        keep_samples: Whether to keep the samples for a recording; spans are always kept.

    Attributes:
        received_s: Seconds of audio given so far, silence and dropped audio included.
    """

    def __init__(self, sample_rate: int, *, keep_samples: bool = True) -> None:
        self.sample_rate = sample_rate
        self._converter: soxr.ResampleStream | None = None
        self.received_s = 0.0
        self._keep_samples = keep_samples
        self._played: list[Played] = []
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._end = -math.inf
        self._window = max(1, round(sample_rate * WINDOW_S))

    @property
    def ends_at(self) -> float:
        """When the last sample that was given sounds, minus infinity before the first."""
        return self._end

    @property
    def played(self) -> tuple[Played, ...]:
        """What was played, in order."""
        return tuple(self._played)

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """When the bot was audible: start and end of each span, in monotonic seconds."""
        return tuple(zip(self._starts, self._ends, strict=True))

    def take_rate(self, sample_rate: int) -> None:
        """Converts what is given from now on from that rate in Hz: another connection's."""
        self._converter = (
            None
            if sample_rate == self.sample_rate
            else soxr.ResampleStream(sample_rate, self.sample_rate, 1, dtype="int16")
        )

    def queue(self, arrived_at: float, samples: Samples) -> None:
        """Adds audio that a player plays when it has played all that came before."""
        samples = self._converted(samples)
        at = max(arrived_at, self._end)
        self._add(at, Played(at, samples, arrived_at))

    def add(self, arrived_at: float, samples: Samples, placed_at: float | None = None) -> None:
        """Adds audio that is heard when it arrives.

        Args:
            arrived_at: When it arrived, in monotonic seconds.
            samples: Mono PCM16.
            placed_at: Where in the recording it belongs, when that is steadier.
        """
        samples = self._converted(samples)
        place = arrived_at if placed_at is None else placed_at
        self._add(arrived_at, Played(place, samples, arrived_at))

    def _converted(self, samples: Samples) -> Samples:
        if self._converter is None:
            return samples
        return np.asarray(self._converter.resample_chunk(samples), np.int16)

    def _add(self, at: float, played: Played) -> None:
        samples = played.samples
        seconds = len(samples) / self.sample_rate
        self.received_s += seconds
        self._end = at + seconds
        if self._keep_samples:
            self._played.append(played)
        count = len(samples) // self._window
        windows = samples[: count * self._window].astype(np.float32).reshape(count, self._window)
        power = np.einsum("ij,ij->i", windows, windows) / self._window
        for index in np.flatnonzero(power > _AUDIBLE_POWER).tolist():
            self._note_audible(at + index * WINDOW_S)

    def interrupt(self, at: float) -> float:
        """Drops all that would be played from `at` on.

        Returns:
            The seconds of audio that were dropped.
        """
        dropped = max(0.0, self._end - at)
        if not dropped:
            return 0.0
        self._end = at
        first = bisect_left(self._starts, at)
        del self._starts[first:], self._ends[first:]
        if self._ends:
            self._ends[-1] = min(self._ends[-1], at)
        while self._played and self._played[-1].at >= at:
            self._played.pop()
        if self._played:
            last = self._played[-1]
            keep = round((at - last.at) * self.sample_rate)
            self._played[-1] = replace(last, samples=last.samples[:keep])
        return dropped

    def onset_after(self, at: float, gap_s: float = 0.15) -> float | None:
        """Finds when the bot next began to speak.

        Args:
            at: From when on, in monotonic seconds.
            gap_s: The quiet that must have gone before: what was being said at `at` is no onset.

        Returns:
            When the first audible sample after that quiet sounded, or None.
        """
        first = bisect_left(self._starts, at)
        quiet = self._ends[first - 1] if first else -math.inf
        for index in range(first, len(self._starts)):
            if self._starts[index] - quiet >= gap_s:
                return self._starts[index]
            quiet = self._ends[index]
        return None

    def quiet_from(self, at: float, now: float, gap_s: float = 0.4) -> float | None:
        """Finds when the bot fell quiet for good.

        Args:
            at: From when on, in monotonic seconds.
            now: Up to when is known.
            gap_s: How long it must stay quiet; shorter ones are pauses in its speech.

        Returns:
            The end of the last audible sample before the first such quiet (`at`, when the bot
            said nothing then), or None when it has not been quiet for long enough yet.
        """
        quiet = at
        for index in range(bisect_right(self._ends, at), len(self._starts)):
            if self._starts[index] - quiet >= gap_s:
                break
            quiet = max(quiet, self._ends[index])
        return quiet if now - quiet >= gap_s else None

    def is_audible(self, now: float, gap_s: float = 0.1) -> bool:
        """Whether the bot can be heard at this moment, or could within the last `gap_s`."""
        index = bisect_right(self._starts, now) - 1
        return index >= 0 and now - self._ends[index] < gap_s

    def audible_between(self, start: float, end: float) -> float:
        """Returns the audible seconds between two monotonic times."""
        return sum(
            max(0.0, min(until, end) - max(since, start))
            for since, until in zip(self._starts, self._ends, strict=True)
        )

    def _note_audible(self, at: float) -> None:
        # Packets that arrive in a burst overlap; the spans stay in order.
        if self._ends and at - self._ends[-1] <= _JOINED_S:
            self._ends[-1] = max(self._ends[-1], at + WINDOW_S)
        else:
            self._starts.append(at)
            self._ends.append(at + WINDOW_S)
