import numpy as np

from voice_agent.audio.opus import PACKET_TICKS, OpusSpeechEncoder
from voice_agent.transports.webrtc.speech_packets import (
    HANGOVER_PACKETS,
    REPEAT_TICKS,
    SpeechPackets,
)

PACKET_BYTES = 960
SPEECH = np.tile(np.array([4000, -4000], np.int16), PACKET_BYTES // 4).tobytes()


class CountingEncoder(OpusSpeechEncoder):
    """Remembers what it encoded."""

    def __init__(self) -> None:
        super().__init__(24_000)
        self.encoded: list[bytes] = []

    def encode(self, pcm: bytes) -> bytes:
        self.encoded.append(pcm)
        return super().encode(pcm)


def slots(packets: SpeechPackets, count: int, first: int = 0) -> list[bytes | None]:
    return [packets.next(tick * PACKET_TICKS) for tick in range(first, first + count)]


def after_the_first_quiet() -> tuple[SpeechPackets, CountingEncoder]:
    encoder = CountingEncoder()
    packets = SpeechPackets(encoder)
    slots(packets, HANGOVER_PACKETS)
    encoder.encoded.clear()
    return packets, encoder


def test_speech_is_encoded_in_order_and_followed_by_a_little_quiet() -> None:
    packets, encoder = after_the_first_quiet()
    packets.write(SPEECH * 3)
    sent = slots(packets, 3 + HANGOVER_PACKETS)
    assert encoder.encoded == [SPEECH] * 3 + [bytes(PACKET_BYTES)] * HANGOVER_PACKETS
    assert all(packet is not None and len(packet) > 1 for packet in sent)


def test_silence_is_neither_encoded_nor_sent_but_confirmed_each_400_ms() -> None:
    packets, encoder = after_the_first_quiet()
    sent = slots(packets, 60, first=100)
    assert not encoder.encoded
    assert [slot for slot, packet in enumerate(sent) if packet is not None] == [0, 20, 40]
    assert {len(packet) for packet in sent if packet is not None} == {1}
    assert packets.pauses_until == 140 * PACKET_TICKS + REPEAT_TICKS


def test_written_silence_takes_its_time_and_is_not_encoded() -> None:
    packets, encoder = after_the_first_quiet()
    packets.write(bytes(PACKET_BYTES * 5))
    slots(packets, 4)
    assert packets.pauses_until is None, "there is more of it"
    assert packets.taken == 4 * PACKET_BYTES
    slots(packets, 1, first=4)
    assert packets.pauses_until is not None
    assert not encoder.encoded


def test_a_rest_of_less_than_a_packet_is_filled_up() -> None:
    packets, encoder = after_the_first_quiet()
    packets.write(SPEECH + SPEECH[:480])
    slots(packets, 1)
    assert packets.is_cut_short
    slots(packets, 1, first=1)
    assert encoder.encoded[1] == SPEECH[:480] + bytes(480)
    assert packets.taken == packets.written


def test_what_was_dropped_is_not_sent() -> None:
    packets, encoder = after_the_first_quiet()
    packets.write(SPEECH * 10)
    slots(packets, 1)
    packets.drop()
    slots(packets, 2, first=1)
    assert encoder.encoded == [SPEECH, bytes(PACKET_BYTES), bytes(PACKET_BYTES)]
    assert packets.taken == packets.written
