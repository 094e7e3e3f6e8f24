"""Takes away the delay that aiortc adds to audio it receives. The one file that knows its insides.

aiortc holds four packets (80 ms) back to smooth playing them to a person. Nobody plays them here,
and the recogniser and the voice activity take them as they come, so every barge-in and every answer
would be that much later for nothing. Order is kept as before: a packet that is missing is waited
for until sixteen have come after it.
"""

from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer

CAPACITY = 16
"""Packets, as in aiortc."""
_ATTRIBUTE = "_RTCRtpReceiver__jitter_buffer"


def receive_without_delay(peer: RTCPeerConnection) -> None:
    """Let audio of `peer` through as soon as it is complete.

    To be called when the offer was taken in and before media flows.

    Raises:
        AttributeError: aiortc keeps its buffer elsewhere now.
    """
    for receiver in peer.getReceivers():
        if receiver.track is not None and receiver.track.kind == "audio":
            getattr(receiver, _ATTRIBUTE)
            setattr(receiver, _ATTRIBUTE, JitterBuffer(capacity=CAPACITY, prefetch=0))
