"""What the bot sends in each 20 ms: speech, the quiet after it, or nothing. Pure.

Times are ticks of Opus' clock: 48,000 a second.
"""

from voice_agent.audio.opus import (
    OPUS_CLOCK_RATE,
    OpusSpeechEncoder,
    nothing_sent,
)

HANGOVER_PACKETS = 10
"""Packets of quiet that are encoded after speech.

They carry the speech that the encoder still holds, let both ends come to rest, and push the last
words out of a receiver that holds some packets back (aiortc: four).
"""
REPEAT_TICKS = OPUS_CLOCK_RATE * 400 // 1000
"""How often silence is confirmed, as libopus does when it stops sending by itself."""


class SpeechPackets:
    """PCM on its way to one receiver."""

    def __init__(self, encoder: OpusSpeechEncoder) -> None:
        self._encoder = encoder
        self._waiting = bytearray()
        self._quiet_packets = 0
        self._is_speaking = False
        self._pause_packet = b""
        self._pause_sent_at: int | None = None
        self.written = 0
        """Bytes that were ever written."""

    @property
    def taken(self) -> int:
        """How many of the bytes written are sent, or dropped."""
        return self.written - len(self._waiting)

    @property
    def is_cut_short(self) -> bool:
        """Whether speech is on its way and there is not enough of it for the next packet."""
        return self._is_speaking and len(self._waiting) < self._encoder.packet_bytes

    @property
    def pauses_until(self) -> int | None:
        """When silence is next confirmed, None when the very next packet is to be made."""
        if self._waiting or self._pause_sent_at is None:
            return None
        return self._pause_sent_at + REPEAT_TICKS

    def write(self, pcm: bytes) -> None:
        """Add PCM16 at the encoder's rate."""
        self._waiting += pcm
        self.written += len(pcm)

    def drop(self) -> None:
        """Forget what was not sent."""
        self._waiting.clear()

    def next(self, tick: int) -> bytes | None:
        """Return what to send for the 20 ms that begin at `tick`, None for nothing."""
        size = self._encoder.packet_bytes
        pcm = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._is_speaking = pcm.count(0) < len(pcm)
        if self._is_speaking:
            self._quiet_packets = 0
        elif self._quiet_packets == HANGOVER_PACKETS:
            return self._pause(tick)
        else:
            self._quiet_packets += 1
        self._pause_sent_at = None
        packet = self._encoder.encode(pcm.ljust(size, b"\0"))
        self._pause_packet = nothing_sent(packet)
        return packet

    def _pause(self, tick: int) -> bytes | None:
        if self._pause_sent_at is not None and tick - self._pause_sent_at < REPEAT_TICKS:
            return None
        self._pause_sent_at = tick
        return self._pause_packet
