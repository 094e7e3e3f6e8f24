"""What is done to audio before it is recognised; only for helper processes.

Steady noise is suppressed, as in WebRTC, quiet speech is lifted, and a little noise of our own is
added: PocketSphinx learnt from recordings, and hears the perfect silence of a suppressor or of a
synthetic voice badly. The suppressor has wheels for Linux alone; elsewhere its part is left out,
which costs accuracy in noise and nothing in a quiet room.
"""

import operator
import random
from array import array
from typing import Any, Final

from voice_agent.services.embedded.level import QuietSpeechLifter

try:
    from webrtc_noise_gain import AudioProcessor
except ImportError:
    AudioProcessor = None

_FRAME_BYTES: Final = 320
"""10 ms of 16 kHz 16-bit mono: what the library takes at a time."""
_NO_GAIN_CONTROL: Final = 0
"""WebRTC's own was measured to help quiet speech as well as ours, and to harm falling levels."""
_STRONGEST: Final = 4
_ROOM_TONE: Final = 30.0
"""The standard deviation of the noise we add: 61 dB below full scale."""
_LARGEST_SAMPLE: Final = 32_767 - 200
"""Samples are kept so far from the limit that the noise cannot carry them over it."""


class NoiseConditioner:
    """Gives 16 kHz 16-bit mono audio the level of near speech and the noise of a quiet room.

    There is one for each utterance.
    """

    def __init__(self) -> None:
        self._suppressor: Any = AudioProcessor and AudioProcessor(_NO_GAIN_CONTROL, _STRONGEST)
        self._lifter = QuietSpeechLifter()
        self._rest = b""

    def add(self, pcm: bytes) -> bytes:
        """Return `pcm` as it is to be recognised; up to 10 ms of it come with the next call."""
        audio = self._rest + pcm
        whole = len(audio) - len(audio) % _FRAME_BYTES
        self._rest = audio[whole:]
        frames = (audio[start : start + _FRAME_BYTES] for start in range(0, whole, _FRAME_BYTES))
        if self._suppressor is not None:
            frames = (bytes(self._suppressor.Process10ms(frame).audio) for frame in frames)
        return with_room_tone(b"".join(map(self._lifter.lift, frames)))


def with_room_tone(pcm: bytes) -> bytes:
    """Return 16-bit `pcm` with the noise of a quiet room under it."""
    samples = array("h", pcm)
    if not samples:
        return pcm
    if max(samples) > _LARGEST_SAMPLE or min(samples) < -_LARGEST_SAMPLE:
        samples = array(
            "h", (max(-_LARGEST_SAMPLE, min(_LARGEST_SAMPLE, sample)) for sample in samples)
        )
    tone = _room_tone(len(samples))
    return array("h", map(operator.add, samples, tone)).tobytes()


def _room_tone(count: int) -> "array[int]":
    start = _generator.randrange(len(_TONE))
    tone = _TONE[start : start + count]
    while len(tone) < count:
        tone.extend(_TONE[: count - len(tone)])
    return tone


_generator = random.Random(0)  # noqa: S311 - noise, not secrets
_TONE: Final = array(
    "h", (max(-200, min(200, round(_generator.gauss(0, _ROOM_TONE)))) for _ in range(16_000))
)
