"""Opus: what was encoded is decoded, and packets are put in order."""

import numpy as np
import pytest

from voice_agent.client.opus import OpusDecoder, Reordering, RtpPayload, encode_packets


def packet(sequence: int) -> RtpPayload:
    return RtpPayload(sequence, sequence * 960, float(sequence), b"")


def order_of(arrivals: list[int]) -> tuple[list[int], int]:
    order = Reordering()
    taken = [due.sequence for sequence in arrivals for due in order.push(packet(sequence))]
    return taken, order.lost


def test_what_was_encoded_is_decoded() -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)).astype(np.int16)
    decoder = OpusDecoder()

    decoded = np.concatenate([decoder.decode(payload) for payload in encode_packets(tone)])

    middle = decoded[4800:43200].astype(float)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(8000 / np.sqrt(2), rel=0.1)
    loudest = np.argmax(np.abs(np.fft.rfft(middle))) * 48000 / len(middle)
    assert loudest == pytest.approx(440, abs=3)


def test_garbage_gives_no_samples_and_does_not_stop_the_decoder() -> None:
    decoder = OpusDecoder()
    good = encode_packets(np.zeros(960, np.int16))[0]

    assert len(decoder.decode(b"\xff" * 7)) == 0
    assert len(decoder.decode(good)) == 960


@pytest.mark.parametrize(
    ("arrivals", "taken", "lost"),
    [
        ([5, 6, 7], [5, 6, 7], 0),
        ([5, 7, 6, 8], [5, 6, 7, 8], 0),
        ([5, 6, 6, 7], [5, 6, 7], 0),
        ([5, 7, 8, 9], [5], 0),
        ([5, 7, 8, 9, 10, 11], [5, 7, 8, 9, 10, 11], 1),
        ([5, 8, 9, 10, 11, 12, 6], [5, 8, 9, 10, 11, 12], 2),
        ([65534, 65535, 0, 1], [65534, 65535, 0, 1], 0),
        ([65535, 1, 0], [65535, 0, 1], 0),
    ],
)
def test_packets_are_put_in_order(arrivals: list[int], taken: list[int], lost: int) -> None:
    assert order_of(arrivals) == (taken, lost)
