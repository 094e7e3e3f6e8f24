"""Opus at the client's edge: encoding before the call, decoding what arrives, in order."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

OPUS_RATE = 48000
"""The clock rate of Opus over RTP, in Hz (RFC 7587, section 4.1)."""

OPUS_PACKET_SAMPLES = 960
"""Samples in 20 ms."""

_BIT_RATE = 32000
_TIME_BASE = Fraction(1, OPUS_RATE)
_REORDER_LIMIT = 4
_SEQUENCE_MODULUS = 1 << 16


def encode_packets(samples: npt.NDArray[np.int16]) -> tuple[bytes, ...]:
    """Encodes mono PCM16 at 48 kHz into packets of 20 ms; the last is filled up with silence."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate = OPUS_RATE
    codec.layout = "mono"
    codec.format = "s16"
    codec.bit_rate = _BIT_RATE
    codec.time_base = _TIME_BASE
    codec.options = {"application": "voip", "frame_duration": "20"}
    padded = np.concatenate([samples, np.zeros(-len(samples) % OPUS_PACKET_SAMPLES, np.int16)])
    packets: list[bytes] = []
    for start in range(0, len(padded), OPUS_PACKET_SAMPLES):
        block = padded[None, start : start + OPUS_PACKET_SAMPLES]
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate = OPUS_RATE
        frame.pts = start
        frame.time_base = _TIME_BASE
        packets.extend(bytes(packet) for packet in codec.encode(frame))
    packets.extend(bytes(packet) for packet in codec.encode(None))
    return tuple(packets)


@dataclass(frozen=True, slots=True)
class RtpPayload:
    """One received packet.

    Attributes:
        sequence: RTP sequence number, 16 bits.
        timestamp: RTP time in samples at 48 kHz, 32 bits.
        arrived_at: Monotonic seconds.
        payload: The Opus packet.
    """

    sequence: int
    timestamp: int
    arrived_at: float
    payload: bytes


class Reordering:
    """Puts packets back in their order, waiting for a missing one while four more arrive."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, RtpPayload] = {}
        self.lost = 0

    def push(self, packet: RtpPayload) -> list[RtpPayload]:
        """Takes the next arrival.

        Returns:
            The packets whose turn it now is, in order; late and repeated ones are dropped.
        """
        if self._next is None:
            self._next = packet.sequence
        ahead = (packet.sequence - self._next) % _SEQUENCE_MODULUS
        if ahead >= _SEQUENCE_MODULUS // 2:
            return []
        self._held[packet.sequence] = packet
        ready: list[RtpPayload] = []
        while self._held:
            if (due := self._held.pop(self._next, None)) is not None:
                ready.append(due)
            elif len(self._held) <= _REORDER_LIMIT:
                break
            else:
                self.lost += 1
            self._next = (self._next + 1) % _SEQUENCE_MODULUS
        return ready


class OpusDecoder:
    """Decodes the packets of one stream to mono PCM16 at 48 kHz."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.sample_rate = OPUS_RATE
        self._codec.layout = "mono"
        self._codec.format = "s16"

    def decode(self, payload: bytes) -> npt.NDArray[np.int16]:
        """Returns the packet's samples; an undecodable packet gives none."""
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError:
            return np.empty(0, np.int16)
        blocks = [
            np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples) for frame in frames
        ]
        return np.concatenate(blocks) if blocks else np.empty(0, np.int16)
