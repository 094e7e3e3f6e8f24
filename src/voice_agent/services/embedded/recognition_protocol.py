"""What recogniser helpers and we say to each other; cheap to import in the child."""

import json
from dataclasses import asdict, dataclass
from typing import Final

from voice_agent.services.embedded.helper_protocol import FIRST_OWN_KIND

SAMPLE_RATE: Final = 16_000
"""Hz, mono, 16-bit little-endian: what recognisers hear."""
BYTES_PER_SECOND: Final = 2 * SAMPLE_RATE

BUILD: Final = FIRST_OWN_KIND
"""Parent: build a model for these questions (JSON list)."""
LEFT_OUT: Final = FIRST_OWN_KIND + 1
"""Child: words without a pronunciation (JSON list); `MODEL` follows."""
MODEL: Final = FIRST_OWN_KIND + 2
"""Either: a language model and its dictionary, as `encode_model` packs them."""
LOADED: Final = FIRST_OWN_KIND + 3
"""Child: the decoder is ready."""
BEGIN: Final = FIRST_OWN_KIND + 4
"""Parent: an utterance begins. The payload is the caller's acoustic mean, empty when unknown."""
AUDIO: Final = FIRST_OWN_KIND + 5
"""Parent: the next of the utterance."""
FINISH: Final = FIRST_OWN_KIND + 6
"""Parent: the utterance is over."""
PARTIAL: Final = FIRST_OWN_KIND + 7
"""Child: what it has heard so far, in UTF-8."""
RESULT: Final = FIRST_OWN_KIND + 8
"""Child: a `Recognition`, as JSON."""


@dataclass(frozen=True)
class Recognition:
    """What was heard in one utterance.

    `mean` is the caller's acoustic mean, to begin his next utterance with. `audio_s` is how long
    the utterance was, `cpu_s` what it cost, `peak_memory_bytes` the helper's size.
    """

    text: str
    mean: str = ""
    audio_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Recognition":
        """Return what `encode` packed.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(**json.loads(payload))
        except TypeError as error:
            raise ValueError(f"this is no recognition: {error}") from None


def encode_model(arpa: str, dictionary: str) -> bytes:
    """Return a language model and its dictionary as one payload."""
    first = arpa.encode()
    return len(first).to_bytes(4, "big") + first + dictionary.encode()


def decode_model(payload: bytes) -> tuple[bytes, bytes]:
    """Return what `encode_model` packed: the language model's file and the dictionary's."""
    size = int.from_bytes(payload[:4], "big")
    return payload[4 : 4 + size], payload[4 + size :]
