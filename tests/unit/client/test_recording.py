"""Writing down a call."""

import wave
from pathlib import Path

import numpy as np

from voice_agent.client.heard import Played
from voice_agent.client.microphone import Microphone
from voice_agent.client.recording import bot_side, lay_out, user_side, write_wav
from voice_agent.client.speech import Speech


def samples(value: int, seconds: float, rate: int) -> np.ndarray:
    return np.full(round(seconds * rate), value, np.int16)


def test_what_was_played_lies_where_it_was_heard() -> None:
    played = [
        Played(10.5, samples(1, 0.1, 1000), 10.5),
        Played(10.63, samples(2, 0.1, 1000), 10.63),
        Played(11.0, samples(3, 0.1, 1000), 11.0),
    ]

    line = lay_out(played, 1000, start=10.0)

    assert line[:500].max() == 0
    assert set(line[500:600]) == {1}
    assert set(line[600:700]) == {2}, "30 ms are the network's jitter"
    assert line[700:1000].max() == 0
    assert set(line[1000:]) == {3}
    assert len(line) == 1100


def test_nothing_said_is_an_empty_recording() -> None:
    assert len(lay_out([], 24000, 0.0)) == 0
    assert len(bot_side([], 48000, 0.0)) == 0
    assert len(user_side([], 0.0)) == 0


def test_both_sides_share_one_time_line(tmp_path: Path) -> None:
    microphone = Microphone()
    microphone.say(Speech(samples(5000, 0.1, 16000), 16000, 0.0, 0.1))
    for n in range(5):
        microphone.next_packet(10.2 + 0.02 * (n + 1))
    path = tmp_path / "both.wav"

    user = user_side(microphone.utterances, start=10.0)
    bot = bot_side([Played(10.5, samples(7000, 0.1, 48000), 10.5)], 48000, start=10.0)
    write_wav(path, user, bot)

    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 24000, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert len(both) == round(0.6 * 24000)
    assert np.flatnonzero(np.abs(both[:, 0]) > 2500)[0] == np.int64(0.2 * 24000)
    assert abs(int(np.flatnonzero(np.abs(both[:, 1]) > 3500)[0]) - 12000) < 24
