import numpy as np
import pytest

from voice_agent.audio.input_audio import (
    BURST_S,
    CATCH_UP_S,
    AudioFloodError,
    AudioRefusedError,
    InputAudio,
)

RATE = 16_000


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tone(rate: int, seconds: float, channels: int = 1, frequency: float = 440.0) -> bytes:
    times = np.arange(int(rate * seconds)) / rate
    wave = (8000 * np.sin(2 * np.pi * frequency * times)).astype(np.int16)
    return np.repeat(wave[:, None], channels, axis=1).tobytes()


def loudest_frequency(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, np.int16).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def test_audio_of_the_right_kind_passes_untouched() -> None:
    pcm = tone(RATE, 0.02)
    assert InputAudio(RATE, Watch()).convert(pcm, RATE, 1) is pcm


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 1), (48_000, 2), (16_000, 2)])
def test_other_rates_and_stereo_become_mono_of_the_same_pitch_and_length(
    rate: int, channels: int
) -> None:
    watch, converted = Watch(), b""
    audio = InputAudio(RATE, watch)
    source = tone(rate, 1.0, channels)
    step = rate // 50 * 2 * channels
    for start in range(0, len(source), step):
        converted += audio.convert(source[start : start + step], rate, channels)
        watch.now += 0.02
    assert len(converted) == pytest.approx(RATE * 2, rel=0.06)
    assert loudest_frequency(converted) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (4_000, 1), (96_000, 1), (16_000, 3)])
def test_impossible_audio_is_refused_with_what_would_be_right(rate: int, channels: int) -> None:
    with pytest.raises(AudioRefusedError, match="send 16-bit PCM of 8000 to 48000 Hz"):
        InputAudio(RATE, Watch()).convert(bytes(960), rate, channels)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioRefusedError, match="whole number"):
        InputAudio(RATE, Watch()).convert(bytes(641), RATE, 1)


def test_audio_faster_than_real_time_is_a_flood() -> None:
    audio = InputAudio(RATE, Watch())
    with pytest.raises(AudioFloodError, match="ahead of real time"):
        audio.convert(tone(RATE, BURST_S + 1), RATE, 1)


@pytest.mark.parametrize("stall_s", [4, 8, CATCH_UP_S])
def test_a_stall_of_the_network_is_made_up_for_at_once(stall_s: float) -> None:
    watch = Watch()
    audio = InputAudio(RATE, watch)
    for _ in range(50):
        audio.convert(tone(RATE, 0.02), RATE, 1)
        watch.now += 0.02
    watch.now += stall_s
    for _ in range(round(stall_s / 0.02)):
        audio.convert(tone(RATE, 0.02), RATE, 1)
    with pytest.raises(AudioFloodError):
        audio.convert(tone(RATE, BURST_S + 1), RATE, 1)


def test_what_was_sent_while_nobody_looked_is_no_flood() -> None:
    watch = Watch()
    audio = InputAudio(RATE, watch)
    watch.now += 8
    for _ in range(400):
        audio.convert(tone(RATE, 0.02), RATE, 1)
    with pytest.raises(AudioFloodError):
        audio.convert(tone(RATE, BURST_S + 1), RATE, 1)


def test_an_hour_of_silence_is_not_saved_up_for_a_flood() -> None:
    watch = Watch()
    audio = InputAudio(RATE, watch)
    audio.convert(tone(RATE, 0.02), RATE, 1)
    watch.now = 3600.0
    with pytest.raises(AudioFloodError):
        audio.convert(tone(RATE, CATCH_UP_S + BURST_S + 1), RATE, 1)
