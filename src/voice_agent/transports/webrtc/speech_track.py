"""The bot's voice as a media track of ready Opus packets, in real time."""

import asyncio
from collections import deque
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from voice_agent.audio.opus import OPUS_CLOCK_RATE, PACKET_TICKS, OpusSpeechEncoder
from voice_agent.transports.webrtc.speech_packets import SpeechPackets

GRACE_TICKS = OPUS_CLOCK_RATE * 10 // 1000
"""How long speech that is late is waited for before silence goes in its place."""
CATCH_UP_TICKS = OPUS_CLOCK_RATE * 200 // 1000
"""How far behind its time speech may be and still be sent in one go, for the receiver to catch up.

What is further behind is sent as if it were spoken later.
"""
_TIME_BASE = Fraction(1, OPUS_CLOCK_RATE)


class SpeechTrack(MediaStreamTrack):
    """Encodes what is written, 20 ms at a time and when it is due; sends little while quiet.

    Args:
        sample_rate: Of what is written, in Hz.

    Raises:
        ValueError: Opus does not take this rate.
    """

    kind = "audio"

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self._packets = SpeechPackets(OpusSpeechEncoder(sample_rate))
        self._runs_on = asyncio.get_running_loop()
        self._origin: float | None = None
        self._tick = 0
        self._writers: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._written: asyncio.Future[None] | None = None

    async def write(self, pcm: bytes) -> bool:
        """Have `pcm` spoken, and return when the last of it is on its way or was dropped.

        Args:
            pcm: Mono PCM16.

        Returns:
            Whether the track was still live.
        """
        if self.readyState != "live":
            return False
        self._packets.write(pcm)
        taken: asyncio.Future[None] = self._runs_on.create_future()
        self._writers.append((self._packets.written, taken))
        self._wake()
        await taken
        return self.readyState == "live"

    def drop(self) -> None:
        """Forget what has not been sent, and let go whoever waits for it to be sent."""
        self._packets.drop()
        self._let_writers_go()

    def stop(self) -> None:
        """End the track; nothing waits for it any more."""
        super().stop()
        self.drop()
        self._wake()

    async def recv(self) -> "av.Packet[Any]":
        """Wait until the next packet is due and return it.

        Raises:
            MediaStreamError: The track has ended.
        """
        while self.readyState == "live":
            await self._wait_until_due()
            tick = self._tick
            self._tick += PACKET_TICKS
            payload = self._packets.next(tick)
            self._let_writers_go()
            if payload is not None:
                packet = av.Packet(payload)
                packet.pts = tick
                packet.time_base = _TIME_BASE
                return packet
        raise MediaStreamError

    async def _wait_until_due(self) -> None:
        pauses_until = self._packets.pauses_until
        if pauses_until is not None:
            # Speech that ends a pause begins at once: receivers follow any timestamp then.
            await self._wait_for_writing(pauses_until)
            self._tick = max(self._tick, self._now())
            return
        delay_s = (self._tick - self._now()) / OPUS_CLOCK_RATE
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        if self._packets.is_cut_short:
            await self._wait_for_writing(self._now() + GRACE_TICKS)
        if self._now() - self._tick > CATCH_UP_TICKS:
            self._tick = self._now()

    async def _wait_for_writing(self, until: int) -> None:
        """Wait until something is written or the track ends, at most until that tick."""
        delay_s = (until - self._now()) / OPUS_CLOCK_RATE
        if delay_s <= 0:
            return
        self._written = self._runs_on.create_future()
        timer = self._runs_on.call_later(delay_s, self._wake)
        try:
            await self._written
        finally:
            timer.cancel()
            self._written = None

    def _now(self) -> int:
        """Return the tick of this moment; time begins when the first packet is asked for."""
        if self._origin is None:
            self._origin = self._runs_on.time()
        return int((self._runs_on.time() - self._origin) * OPUS_CLOCK_RATE)

    def _wake(self) -> None:
        if self._written is not None and not self._written.done():
            self._written.set_result(None)

    def _let_writers_go(self) -> None:
        while self._writers and self._writers[0][0] <= self._packets.taken:
            _, taken = self._writers.popleft()
            if not taken.done():
                taken.set_result(None)
