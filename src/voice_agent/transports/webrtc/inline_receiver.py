"""Decodes the caller's Opus where it arrives. The one file that knows aiortc's receiver inside.

aiortc holds four packets (80 ms) back to smooth playing them to a person, then one more to know
where a frame ends, and hands each to a thread that decodes it and wakes the event loop again.
Nobody plays them here; the recogniser and the voice activity take them as they come, so that every
barge-in and every answer would be that much later for nothing. An Opus packet is always a whole
frame, and decoding it takes 0.03 ms, a fraction of the way to the thread and back.
"""

from typing import Any

import av
from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket
from loguru import logger

from voice_agent.audio.opus import OpusSpeechDecoder
from voice_agent.transports.webrtc.packet_order import PacketOrder

_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_CODECS = "_RTCRtpReceiver__codecs"
_TRACK_QUEUE = "_queue"
_MODULUS = 1 << 32


class InlineOpus:
    """Stands where aiortc keeps a receiver's jitter buffer, and needs no thread behind it.

    What is not Opus goes the way it always went.
    """

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self._others: JitterBuffer = getattr(receiver, _BUFFER)
        self._put = getattr(receiver.track, _TRACK_QUEUE).put_nowait
        self._order: PacketOrder[RtpPacket] = PacketOrder()
        self._decoder = OpusSpeechDecoder()
        self._first_timestamp: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take a packet; return what aiortc still has to do, for Opus nothing."""
        codec = getattr(self._receiver, _CODECS).get(packet.payload_type)
        if codec is None or codec.mimeType.lower() != "audio/opus":
            return self._others.add(packet)
        for due in self._order.add(packet):
            if due.payload:
                self._decode(due)
        return False, None

    def _decode(self, packet: RtpPacket) -> None:
        if self._first_timestamp is None:
            self._first_timestamp = packet.timestamp
        tick = (packet.timestamp - self._first_timestamp) % _MODULUS
        try:
            frames = self._decoder.decode(packet.payload, tick)
        except av.FFmpegError as error:
            logger.debug("a packet that is no Opus: {}", error)
            return
        for frame in frames:
            self._put(frame)


def receive_inline(peer: RTCPeerConnection) -> None:
    """Decode the Opus that `peer` gets as soon as it comes.

    To be called when the offer was taken in and before media flows.

    Raises:
        AttributeError: aiortc keeps its buffer, its codecs or its queue elsewhere now.
    """
    for receiver in peer.getReceivers():
        if receiver.track is not None and receiver.track.kind == "audio":
            getattr(receiver, _CODECS)
            setattr(receiver, _BUFFER, InlineOpus(receiver))
