import random

import numpy as np
import numpy.typing as npt
import pytest

from voice_agent.bench.load.paced_caller import ANSWER_TIMEOUT_S, PacedCaller, Script
from voice_agent.bench.load.questions import until_silence
from voice_agent.client.speech import PACKET_S, Speech

RATE = 24000
GREETING_S, ANSWER_S = 0.5, 1.0


def tone(seconds: float, rate: int = RATE) -> npt.NDArray[np.int16]:
    times = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


def question() -> Speech:
    silence = np.zeros(4800, np.int16)
    spoken = Speech.from_samples(np.concatenate([silence, tone(0.4, 16000), silence]), 16000)
    return until_silence(spoken)


class Server:
    """Answers what `caller` says after `delay_s`, in 40 ms packets, on a clock of its own."""

    def __init__(self, caller: PacedCaller, delay_s: float) -> None:
        self.caller, self.delay_s = caller, delay_s
        self.now = 100.0
        self._due: list[tuple[float, npt.NDArray[np.int16]]] = []

    def speak(self, at: float, seconds: float) -> None:
        count = round(seconds / 0.04)
        self._due += [(at + index * 0.04, tone(0.04)) for index in range(count)]

    def run(self, seconds: float) -> None:
        said = False
        for _ in range(round(seconds / PACKET_S)):
            self.now += PACKET_S
            speaks = self.caller.microphone_packet(self.now).speech.name != "room noise"
            if said and not speaks:
                self.speak(self.now - PACKET_S + self.delay_s, ANSWER_S)
            said = speaks
            while self._due and self._due[0][0] <= self.now:
                at, samples = self._due.pop(0)
                self.caller.audio_arrived(at, samples, None)


def caller() -> PacedCaller:
    script = Script([question()], GREETING_S, ANSWER_S)
    return PacedCaller(script, RATE, is_buffered=True, generator=random.Random(3))


def test_a_question_is_cut_where_its_voice_ends() -> None:
    speech = question()
    assert speech.end_s == pytest.approx(speech.duration_s)
    packets = speech.duration_s / PACKET_S
    assert packets == pytest.approx(round(packets))


def test_a_caller_hears_the_greeting_asks_and_measures_the_answers() -> None:
    server = Server(caller(), delay_s=0.6)
    server.speak(100.3, GREETING_S)
    server.run(20)
    turns = server.caller.turns
    assert server.caller.failure is None
    assert server.caller.first_word_at == pytest.approx(100.3, abs=0.011)
    assert len(turns) >= 3
    assert [turn.latency_s for turn in turns] == pytest.approx([0.6] * len(turns), abs=0.011)
    assert (server.caller.late, server.caller.strays) == (0, 0)
    assert server.caller.packets > 0


def test_a_caller_who_gets_no_word_has_a_call_that_failed() -> None:
    server = Server(caller(), delay_s=0.6)
    server.run(ANSWER_TIMEOUT_S + 1)
    assert server.caller.failure == "no word within 10 s"
    assert server.caller.first_word_at is None


def test_an_answer_that_breaks_off_misses_packets() -> None:
    server = Server(caller(), delay_s=0.6)
    server.speak(100.3, GREETING_S / 2)
    server.run(2)
    assert server.caller.late == pytest.approx(GREETING_S / 2 / 0.04, abs=1.5)


def test_what_ends_after_hanging_up_is_no_failure() -> None:
    one, other = caller(), caller()
    one.connection_ended(100.0, "the connection was lost", None)
    other.hang_up()
    other.connection_ended(100.0, "the connection was lost", None)
    assert (one.failure, other.failure) == ("the connection was lost", None)
