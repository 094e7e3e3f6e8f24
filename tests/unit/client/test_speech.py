"""What a caller says: reading it, finding the voice in it, cutting it into packets."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voice_agent.client.errors import SpeechUnreadableError
from voice_agent.client.speech import Speech, room_noise, voiced_bounds


def tone(seconds: float, rate: int, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def with_silence(before: float, voiced: float, after: float, rate: int) -> np.ndarray:
    quiet = np.zeros(int(before * rate)), np.zeros(int(after * rate))
    return np.concatenate([quiet[0], tone(voiced, rate), quiet[1]])


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_reads_any_rate_and_number_of_channels(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "in.wav"
    mono = with_silence(0.2, 0.5, 0.3, rate)
    soundfile.write(path, np.stack([mono] * channels, axis=1), rate)

    speech = Speech.from_file(path)

    assert speech.sample_rate == rate
    assert speech.duration_s == pytest.approx(1.0, abs=0.001)
    assert speech.onset_s == pytest.approx(0.2, abs=0.006)
    assert speech.end_s == pytest.approx(0.7, abs=0.006)
    assert len(speech.pcm_packets) == 50
    assert {len(packet) for packet in speech.pcm_packets} == {640}
    assert len(speech.opus_packets) == 50


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "ULAW"])
def test_reads_any_sample_format(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, with_silence(0.1, 0.4, 0.1, 16000), 16000, subtype=subtype)

    peak = int(np.abs(Speech.from_file(path).samples).max())

    assert peak == pytest.approx(16384, rel=0.05)


def test_resampling_keeps_level_and_length(tmp_path: Path) -> None:
    speech = Speech.from_samples((tone(1.0, 44100) * 32767).astype(np.int16), 44100)

    pcm = np.frombuffer(b"".join(speech.pcm_packets), np.int16)

    assert len(pcm) == 16000
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(16384, rel=0.02)


def test_a_last_packet_is_filled_up_with_silence() -> None:
    speech = Speech.from_samples((tone(0.025, 16000) * 32767).astype(np.int16), 16000)

    assert len(speech.pcm_packets) == 2
    assert speech.pcm_packets[1].endswith(bytes(480))


def test_soft_tails_belong_to_the_voice_and_hiss_does_not() -> None:
    rate = 16000
    hiss = np.random.default_rng(1).normal(0, 0.0005, rate)
    sound = np.concatenate([hiss, tone(0.5, rate, 0.5), tone(0.2, rate, 0.02), hiss])

    bounds = voiced_bounds((sound * 32767).astype(np.int16), rate)

    assert bounds == pytest.approx((1.0, 1.7), abs=0.006)


def test_speech_files_that_cannot_be_said(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("this is no sound")
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros((0, 1)), 16000)
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16000), 16000)

    for path, fault in (
        (tmp_path / "missing.wav", "is not a file"),
        (tmp_path, "is not a file"),
        (text, "cannot be read as sound"),
        (empty, "holds no samples"),
        (silent, "is silent"),
    ):
        with pytest.raises(SpeechUnreadableError, match=fault) as caught:
            Speech.from_file(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_truncated_wav_is_said_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(1.0, 16000), 16000)
    path.write_bytes(path.read_bytes()[:16044])

    assert Speech.from_file(path).duration_s == pytest.approx(0.5, abs=0.01)


def test_room_noise_is_there_and_inaudible() -> None:
    noise = room_noise()

    level = 10 * np.log10(np.mean((noise.samples / 32768) ** 2))

    assert -80 < level < -65
    assert len(noise.pcm_packets) == len(noise.opus_packets) == 50
