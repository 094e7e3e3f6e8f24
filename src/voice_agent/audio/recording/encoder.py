"""Opus for a recording: both sides of a call as the two channels of one stream.

48 kbit/s are enough for each channel to stay its own (at 32 kbit/s libopus predicts one from the
other, and the caller is heard at -30 to -44 dB where only the agent should be), and Opus needs next
to nothing while both are silent. Packets of 60 ms take half the CPU time of those of 20 ms, 3 ms
for each second; higher complexity costs up to two thirds more, with no less noise.
"""

from fractions import Fraction

import av

from voice_agent.audio.recording.ogg import GRANULE_RATE

RATE = 24_000
"""Samples a second of each channel."""
PACKET_MS = 60
PACKET_SAMPLES = RATE * PACKET_MS // 1000
PACKET_TICKS = GRANULE_RATE * PACKET_MS // 1000
"""Samples of a packet at the rate in which Ogg counts."""

_BITS_A_SECOND = 48_000
_TIME_BASE = Fraction(1, RATE)
_OPTIONS = {"application": "audio", "compression_level": "0", "frame_duration": str(PACKET_MS)}
_SKIP_AT = 10


class StereoOpusEncoder:
    """Encodes one stream of stereo PCM16 at `RATE`.

    Attributes:
        head: The stream's header for Ogg (RFC 7845, section 5.1).
        skip_ticks: What a player leaves out at the begin, at `GRANULE_RATE`.
    """

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        codec.format = "s16"
        codec.layout = "stereo"
        codec.sample_rate = RATE
        codec.time_base = _TIME_BASE
        codec.bit_rate = _BITS_A_SECOND
        codec.options = _OPTIONS
        codec.open()
        self._codec = codec
        self._position = 0
        self.head = bytes(codec.extradata or b"")
        self.skip_ticks = int.from_bytes(self.head[_SKIP_AT : _SKIP_AT + 2], "little")

    def encode(self, pcm: bytes) -> bytes:
        """Return the next packet, of `PACKET_SAMPLES` interleaved samples of both channels."""
        frame = av.AudioFrame(format="s16", layout="stereo", samples=PACKET_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = RATE
        frame.time_base = _TIME_BASE
        frame.pts = self._position
        self._position += PACKET_SAMPLES
        (packet,) = self._codec.encode(frame)
        return bytes(packet)
