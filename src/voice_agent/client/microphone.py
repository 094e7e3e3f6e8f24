"""What the caller's microphone gives: speech when there is some, room noise in between. Pure."""

import asyncio
from collections import deque
from dataclasses import dataclass

from voice_agent.client.errors import CallDroppedError
from voice_agent.client.speech import PACKET_S, Speech, room_noise

_MAX_QUEUED = 64


@dataclass(frozen=True, slots=True)
class MicrophonePacket:
    """The 20 ms that are due: the packet at `index` of `speech`."""

    speech: Speech
    index: int

    @property
    def pcm(self) -> bytes:
        """Mono PCM16 at 16 kHz, 640 bytes."""
        return self.speech.pcm_packets[self.index]

    @property
    def opus(self) -> bytes:
        """One Opus packet."""
        return self.speech.opus_packets[self.index]


class Utterance:
    """One speech on its way out: when it was said.

    A microphone gives a packet when its 20 ms are over, so a sample's time is the time its packet
    was sent, less what of the packet comes after it.

    Attributes:
        speech: What is said.
        started_at: The time of its first sample, in monotonic seconds; None before.
        onset_at: The time of its first voiced sample; None until that was sent.
        ended_at: The time of its last voiced sample; None until that was sent.
    """

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.started_at: float | None = None
        self.onset_at: float | None = None
        self.ended_at: float | None = None
        self._voiced = asyncio.Event()
        self._finished = asyncio.Event()
        self._failure: CallDroppedError | None = None

    def sent(self, index: int, at: float) -> None:
        """Notes that the packet at `index` went out at that monotonic time."""
        start = index * PACKET_S
        end = start + PACKET_S
        if self.started_at is None:
            self.started_at = at - PACKET_S
        if self.onset_at is None and self.speech.onset_s < end:
            self.onset_at = at - end + self.speech.onset_s
        if self.ended_at is None and self.speech.end_s <= end:
            self.ended_at = at - end + self.speech.end_s
            self._voiced.set()
        if index + 1 == len(self.speech.pcm_packets):
            self._finished.set()

    def fail(self, failure: CallDroppedError) -> None:
        """Releases those who wait: the rest will never be sent."""
        self._failure = failure
        self._voiced.set()
        self._finished.set()

    async def voice_ended(self) -> float:
        """Waits for the last voiced sample to be out; wall time bounds it.

        Returns:
            Its time in monotonic seconds.

        Raises:
            CallDroppedError: The call ended first.
        """
        await self._voiced.wait()
        if self.ended_at is None:
            raise self._failure or CallDroppedError("the call ended while speaking")
        return self.ended_at

    async def finished(self) -> None:
        """Waits for the last packet to be out.

        Raises:
            CallDroppedError: The call ended first.
        """
        await self._finished.wait()
        if self._failure is not None:
            raise self._failure


class Microphone:
    """Gives a packet each 20 ms: what is being said, or the noise of the room."""

    def __init__(self) -> None:
        self._waiting: deque[Utterance] = deque()
        self._current: Utterance | None = None
        self._index = 0
        self._noise_index = 0
        self._at: float | None = None
        self.utterances: list[Utterance] = []

    @property
    def is_speaking(self) -> bool:
        """Whether something is being said, or waits to be."""
        return self._current is not None or bool(self._waiting)

    def say(self, speech: Speech) -> Utterance:
        """Puts speech behind what is being said.

        Returns:
            Its utterance, which tells when it was said.

        Raises:
            ValueError: 64 speeches wait already.
        """
        if len(self._waiting) >= _MAX_QUEUED:
            raise ValueError(f"{_MAX_QUEUED} speeches wait to be said already")
        utterance = Utterance(speech)
        self._waiting.append(utterance)
        self.utterances.append(utterance)
        return utterance

    def next_packet(self, at: float) -> MicrophonePacket:
        """Takes what is due at that monotonic time.

        Returns:
            The packet to send now.
        """
        self._at = at
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
            self._index = 0
        if self._current is None:
            noise = room_noise()
            self._noise_index = (self._noise_index + 1) % len(noise.pcm_packets)
            return MicrophonePacket(noise, self._noise_index)
        packet = MicrophonePacket(self._current.speech, self._index)
        self._current.sent(self._index, at)
        self._index += 1
        if self._index == len(packet.speech.pcm_packets):
            self._current = None
        return packet

    def skip_to(self, at: float) -> None:
        """Gives up to that monotonic time what nobody took: real time went on meanwhile."""
        if self._at is None:
            return
        while self._at + PACKET_S < at:
            self.next_packet(self._at + PACKET_S)

    def stop(self, failure: CallDroppedError) -> None:
        """Ends what is being said and what waits: the call is over."""
        unfinished = [*([self._current] if self._current else []), *self._waiting]
        self._current = None
        self._waiting.clear()
        for utterance in unfinished:
            utterance.fail(failure)


class Pace:
    """The exact wall pace of a microphone: one packet each 20 ms, none skipped.

    Args:
        start: The monotonic time of the first packet.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self._count = 0

    def wait_s(self, now: float) -> float:
        """Counts one more packet.

        Returns:
            Seconds from `now` until it is due, never negative: what was missed is caught up.
        """
        due = self._start + self._count * PACKET_S
        self._count += 1
        return max(0.0, due - now)
