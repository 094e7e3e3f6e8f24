"""One caller: what he says and when, and what he measures of the answers. No I/O, no clock."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voice_agent.bench.load.pacing import Pacing
from voice_agent.bench.load.playout import PlayOut
from voice_agent.client.heard import HeardAudio
from voice_agent.client.microphone import MicrophonePacket
from voice_agent.client.speech import Speech, room_noise

ANSWER_TIMEOUT_S: Final = 10.0
"""A caller who has waited this long for a word has a call that failed."""
PAUSE_S: Final = (1.0, 3.0)
"""Between an answer's end and the next question, at random within these."""
FIRST_PAUSE_S: Final = (0.5, 8.0)
"""The same after the greeting: as long as a whole turn takes. With less, callers who came together
go on speaking together, for pauses differ too little to part them: of three dozen, eight questions
ended within half a second, and none in the next three (measured)."""
_AFTER_S: Final = 0.1
"""From an answer's expected end until it is called over."""


class Phase(StrEnum):
    """What the caller does."""

    WAITING = "waiting"
    HEARING = "hearing"
    PAUSING = "pausing"
    SPEAKING = "speaking"
    OVER = "over"


@dataclass(frozen=True)
class Turn:
    """One question and its answer.

    Attributes:
        ended_at: When the last voiced sample of the question went out, in monotonic seconds.
        latency_s: From there to the first audible sample of the answer, in seconds.
    """

    ended_at: float
    latency_s: float


@dataclass(frozen=True)
class Script:
    """What is said on both sides.

    Attributes:
        questions: What callers say, cut at the end of their voice.
        greeting_s: How long the greeting is, in seconds.
        answer_s: How long each answer is.
    """

    questions: Sequence[Speech]
    greeting_s: float
    answer_s: float


class PacedCaller:
    """A `MediaListener` that asks, listens, pauses and asks again, for as long as it is asked to.

    Args:
        script: What is said.
        sample_rate: Of the audio that arrives, in Hz.
        is_buffered: Whether a player queues what arrives (WebSocket).
        generator: The source of pauses and of who asks what.

    Attributes:
        turns: What was asked and answered.
        packets: How many packets of answers arrived or should have.
        late: How many of those were late or never came.
        strays: How often the bot began to speak while the caller spoke.
        first_word_at: When the greeting began, in monotonic seconds; None before.
        failure: Why the call failed; None as long as it did not.
        pacing: How well its packets kept their time.
    """

    def __init__(
        self, script: Script, sample_rate: int, *, is_buffered: bool, generator: random.Random
    ) -> None:
        self._script = script
        self._sample_rate = sample_rate
        self._is_buffered = is_buffered
        self._generator = generator
        self._heard = HeardAudio(sample_rate, keep_samples=False)
        self._phase = Phase.WAITING
        self._since = 0.0
        self._until = 0.0
        self._expected_s = script.greeting_s
        self._playout: PlayOut | None = None
        self._origin_s = 0.0
        self._position_s = 0.0
        self._packet_s = 0.02
        self._speech = room_noise()
        self._index = 0
        self.turns: list[Turn] = []
        self.packets = 0
        self.late = 0
        self.strays = 0
        self.first_word_at: float | None = None
        self.failure: str | None = None
        self.pacing = Pacing()

    @property
    def waiting_since(self) -> float | None:
        """When the question ended that is not answered yet; None when there is none."""
        waits = self._phase is Phase.WAITING and self.first_word_at is not None
        return self._since if waits else None

    def hang_up(self) -> None:
        """Note that what ends from now on ends because the caller wants it."""
        self._phase = Phase.OVER

    def fail(self, why: str) -> None:
        """Note that the call failed, unless it is over."""
        if self._phase is not Phase.OVER:
            self.failure = why
            self._phase = Phase.OVER

    def microphone_packet(self, at: float) -> MicrophonePacket:
        """Return the 20 ms that are due at the monotonic time `at`."""
        self.pacing.sent(at)
        if not self._since:
            self._since = at
        match self._phase:
            case Phase.WAITING if at - self._since > ANSWER_TIMEOUT_S:
                self.fail(f"no word within {ANSWER_TIMEOUT_S:g} s")
            case Phase.HEARING if at >= self._until:
                self._answer_over(at)
            case Phase.PAUSING if at >= self._until:
                self._speech = self._generator.choice(self._script.questions)
                self._index = 0
                self._phase = Phase.SPEAKING
            case _:
                pass
        if self._phase is Phase.SPEAKING:
            return self._say(at)
        noise = room_noise()
        self._index = (self._index + 1) % len(noise.pcm_packets)
        return MicrophonePacket(noise, self._index)

    def audio_arrived(
        self, at: float, samples: npt.NDArray[np.int16], placed_at: float | None
    ) -> None:
        """Take bot audio, mono PCM16."""
        if self._is_buffered:
            self._heard.queue(at, samples)
        else:
            self._heard.add(at, samples, placed_at)
        if self._phase is Phase.WAITING:
            onset = self._heard.onset_after(self._since)
            if onset is None:
                return
            self._answer_begins(onset, at, placed_at)
        elif self._phase is Phase.SPEAKING and self._heard.is_audible(at, gap_s=0.02):
            self.strays += 1
        if self._playout is None:
            return
        length_s = len(samples) / self._sample_rate
        position_s = self._position_s if placed_at is None else placed_at - self._origin_s
        self._position_s += length_s
        self._packet_s = length_s
        if 0 <= position_s < self._expected_s:
            self._playout.arrived(at, position_s, length_s)

    def message_arrived(self, at: float, message: Any) -> None:
        """Take a message; none of them matters here."""

    def interruption_arrived(self, at: float) -> None:
        """Drop what has not been played."""
        if self._is_buffered:
            self._heard.interrupt(at)

    def connection_ended(
        self, at: float, reason: str, close_code: int | None, *, lost: bool = False
    ) -> None:
        """Take the end of the connection."""
        del lost
        del at, close_code
        self.fail(reason)

    def _say(self, at: float) -> MicrophonePacket:
        packet = MicrophonePacket(self._speech, self._index)
        self._index += 1
        if self._index == len(self._speech.pcm_packets):
            self._index = 0
            self._since = at
            self._expected_s = self._script.answer_s
            self._phase = Phase.WAITING
        return packet

    def _answer_begins(self, onset: float, at: float, placed_at: float | None) -> None:
        if self.first_word_at is None:
            self.first_word_at = onset
        else:
            self.turns.append(Turn(self._since, onset - self._since))
        self._playout = PlayOut(at)
        self._origin_s = at if placed_at is None else placed_at
        self._position_s = 0.0
        self._until = onset + self._expected_s + _AFTER_S
        self._phase = Phase.HEARING

    def _answer_over(self, at: float) -> None:
        assert self._playout is not None
        missing = self._playout.missing(self._expected_s, self._packet_s)
        self.packets += self._playout.packets + missing
        self.late += self._playout.late + missing
        self._playout = None
        pause = PAUSE_S if self.turns else FIRST_PAUSE_S
        self._until = at + self._generator.uniform(*pause)
        self._phase = Phase.PAUSING
