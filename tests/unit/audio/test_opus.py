import av
import numpy as np
import numpy.typing as npt
import pytest

from voice_agent.audio.opus import (
    ENCODED_RATES,
    OPUS_CLOCK_RATE,
    PACKET_TICKS,
    OpusSpeechEncoder,
    nothing_sent,
)

Samples = npt.NDArray[np.int16]
BEHIND = range(240, 480)
"""Samples at 48 kHz by which Opus and its filters may be behind: 5 to 10 ms."""


def tone(rate: int, seconds: float, hertz: float = 300.0) -> Samples:
    at = np.arange(round(rate * seconds)) / rate
    return (8000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def encoded(encoder: OpusSpeechEncoder, samples: Samples) -> list[bytes]:
    pcm, size = samples.tobytes(), encoder.packet_bytes
    return [encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm), size)]


def decoded(packets: list[bytes]) -> Samples:
    codec = av.CodecContext.create("libopus", "r")
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", OPUS_CLOCK_RATE
    frames = [frame for packet in packets for frame in codec.decode(av.Packet(packet))]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize("rate", ENCODED_RATES)
def test_what_is_encoded_is_heard_20_ms_a_packet(rate: int) -> None:
    packets = encoded(OpusSpeechEncoder(rate), tone(rate, 0.4))
    heard = decoded(packets)
    assert len(packets) == 20
    assert len(heard) == 20 * PACKET_TICKS
    sent = tone(OPUS_CLOCK_RATE, 0.4)[4800:14400]
    likeness = [np.corrcoef(heard[4800 + lag : 14400 + lag], sent)[0, 1] for lag in BEHIND]
    assert max(likeness) > 0.97


def test_other_rates_and_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="not 22050"):
        OpusSpeechEncoder(22_050)
    with pytest.raises(ValueError, match="bytes"):
        OpusSpeechEncoder(24_000).encode(b"\0" * 480)


def test_a_packet_of_its_first_byte_is_20_ms_of_quiet_after_quiet() -> None:
    encoder = OpusSpeechEncoder(24_000)
    packets = encoded(encoder, np.concatenate([tone(24_000, 0.2), np.zeros(4800, np.int16)]))
    pause = nothing_sent(packets[-1])
    assert len(pause) == 1
    heard = decoded([*packets, pause, pause])
    assert len(heard) == 22 * PACKET_TICKS
    assert np.abs(heard[-2 * PACKET_TICKS :].astype(int)).max() <= 8
