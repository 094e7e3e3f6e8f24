"""What we ask a speech synthesis helper and what it answers: pure, cheap to import in the child.

Ready: the table of its voices. Then, on any stream: `SPEAK` with a `SpeakRequest`; `AUDIO`, any
number of times, with signed 16-bit little-endian mono samples at the voice's rate; `DONE`. What
cannot be spoken is answered by `ERROR`. A stream speaks one request at a time; closing it stops
the speech.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from voice_agent.services.embedded.helper_protocol import FIRST_OWN_KIND

SPEAK: Final = FIRST_OWN_KIND
AUDIO: Final = FIRST_OWN_KIND + 1
DONE: Final = FIRST_OWN_KIND + 2


class Voice(NamedTuple):
    """A voice: its name, the language it speaks (lower case), and its samples a second."""

    name: str
    language: str
    sample_rate: int


class SpeakRequest(NamedTuple):
    """What to say, with which voice, and how fast (1 is the voice's own speed, 2 twice that)."""

    text: str
    voice: str
    speed: float = 1.0


def encode_request(request: SpeakRequest) -> bytes:
    """Return `request` as the payload of `SPEAK`."""
    return f"{request.voice}\0{request.speed}\0{request.text}".encode()


def decode_request(payload: bytes) -> SpeakRequest:
    """Return the request that `payload` carries."""
    voice, speed, text = payload.decode(errors="replace").split("\0", 2)
    return SpeakRequest(text, voice, float(speed))


def encode_voices(voices: Sequence[Voice]) -> bytes:
    """Return `voices` as the payload of `READY`."""
    return "\n".join(f"{v.name}\t{v.language}\t{v.sample_rate}" for v in voices).encode()


def decode_voices(payload: bytes) -> tuple[Voice, ...]:
    """Return the voices that `payload` carries, in its order."""
    rows = (line.split("\t") for line in payload.decode().splitlines())
    return tuple(Voice(name, language, int(rate)) for name, language, rate in rows)
