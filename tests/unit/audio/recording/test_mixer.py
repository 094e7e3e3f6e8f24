import numpy as np
import pytest

from tests.unit.audio.recording.listening import tone
from voice_agent.audio.recording.encoder import RATE
from voice_agent.audio.recording.mixer import AGENT_RATE, CALLER_RATE, Side, StereoMixer

LATENCY_S = 0.5


class Desk:
    """A mixer and what came out of it."""

    def __init__(self) -> None:
        self.mixer = StereoMixer()
        self.blocks: list[bytes] = []

    def put(self, side: Side, at_s: float, pcm: bytes) -> None:
        self.blocks += self.mixer.mix(at_s)
        self.mixer.put(side, at_s, pcm)

    def stream(self, side: Side, start_s: float, pcm: bytes, *, piece_s: float = 0.1) -> None:
        """Give a side's audio in pieces, each when it has been said."""
        rate = CALLER_RATE if side is Side.CALLER else AGENT_RATE
        step = 2 * round(piece_s * rate)
        for start in range(0, len(pcm), step):
            piece = pcm[start : start + step]
            self.put(side, start_s + (start + len(piece)) / 2 / rate, piece)

    def finish(self, at_s: float) -> tuple[np.ndarray, np.ndarray]:
        self.blocks += self.mixer.finish(at_s)
        both = np.frombuffer(b"".join(self.blocks), np.int16).reshape(-1, 2)
        return both[:, 0], both[:, 1]


def spans(channel: np.ndarray) -> list[tuple[float, float]]:
    """Return from when to when there is sound."""
    block = RATE // 100
    loud = np.abs(channel[: len(channel) // block * block].reshape(-1, block)).max(axis=1) > 1_000
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(int)))
    return [(float(a) / 100, float(b) / 100) for a, b in edges.reshape(-1, 2)]


def near(*expected: tuple[float, float]) -> list[object]:
    return [pytest.approx(span, abs=0.021) for span in expected]


def test_each_side_is_where_it_was_said() -> None:
    desk = Desk()
    desk.stream(Side.CALLER, 1.0, tone(1, CALLER_RATE))
    desk.stream(Side.AGENT, 3.0, tone(2, AGENT_RATE), piece_s=0.04)
    desk.stream(Side.CALLER, 6.0, tone(0.5, CALLER_RATE))
    left, right = desk.finish(8.0)
    assert spans(left) == near((1, 2), (6, 6.5))
    assert spans(right) == near((3, 5))
    assert desk.mixer.end_s == 8
    assert 8 <= len(left) / RATE < 8.4


def test_both_may_speak_at_once() -> None:
    desk = Desk()
    for tenth in range(20):
        desk.put(Side.CALLER, (tenth + 1) / 10, tone(0.1, CALLER_RATE))
        desk.put(Side.AGENT, (tenth + 1) / 10, tone(0.1, AGENT_RATE))
    left, right = desk.finish(2.0)
    assert spans(left) == near((0, 2))
    assert spans(right) == near((0, 2))


def test_speech_is_not_torn_by_how_it_arrives() -> None:
    desk, speech = Desk(), tone(2, CALLER_RATE)
    step = len(speech) // 20
    for number in range(20):
        late = 0.08 * (number % 3)
        desk.put(Side.CALLER, 1 + (number + 1) / 10 + late, speech[number * step :][:step])
    left, _ = desk.finish(4)
    (span,) = spans(left)
    assert span[1] - span[0] == pytest.approx(2, abs=0.02)


def test_what_comes_late_all_at_once_catches_up_where_it_is_quiet() -> None:
    desk = Desk()
    desk.stream(Side.CALLER, 0.0, bytes(2 * CALLER_RATE))
    for _ in range(30):
        desk.put(Side.CALLER, 4.0, tone(0.1, CALLER_RATE))
    desk.stream(Side.CALLER, 4.0, bytes(2 * 6 * CALLER_RATE))
    desk.stream(Side.CALLER, 10.0, tone(1, CALLER_RATE))
    left, _ = desk.finish(12)
    late, on_time = spans(left)
    assert late[1] - late[0] == pytest.approx(3, abs=0.05)
    assert on_time[0] == pytest.approx(10, abs=0.3)


def test_an_interruption_cuts_what_was_not_played() -> None:
    desk = Desk()
    desk.stream(Side.AGENT, 1.0, tone(1.0, AGENT_RATE), piece_s=0.04)
    desk.mixer.interrupted(2.01)
    # What was being played arrives when its time would have been over.
    desk.put(Side.AGENT, 2.04, tone(0.04, AGENT_RATE))
    desk.stream(Side.AGENT, 3.0, tone(0.5, AGENT_RATE), piece_s=0.04)
    _, right = desk.finish(4)
    assert spans(right) == near((1, 2.01), (3, 3.5))


def test_audio_in_advance_is_cut_too() -> None:
    desk = Desk()
    for _ in range(20):
        desk.put(Side.AGENT, 1.0, tone(0.1, AGENT_RATE))
    desk.mixer.interrupted(1.5)
    _, right = desk.finish(4)
    assert spans(right) == near((0.9, 1.5))


def test_silence_stays_silence() -> None:
    desk = Desk()
    desk.stream(Side.CALLER, 0.0, bytes(2 * 5 * CALLER_RATE))
    left, right = desk.finish(5)
    assert not left.any()
    assert not right.any()


def test_nothing_waits_for_longer_than_it_must() -> None:
    desk = Desk()
    desk.stream(Side.CALLER, 0.0, tone(3, CALLER_RATE))
    mixed_s = sum(map(len, desk.blocks)) / 4 / RATE
    assert 3 - mixed_s < LATENCY_S + 0.5
