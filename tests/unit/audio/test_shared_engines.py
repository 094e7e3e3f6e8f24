"""The shared engines against Pipecat's own analyzers: fails when Pipecat changes under them."""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from pipecat.audio import utils, volume
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADState

from tests.unit.audio.speech_like import RATE, speech_like
from voice_agent.audio import voice_activity
from voice_agent.audio.turn_completion import NICENESS, TURN_COMPLETION
from voice_agent.audio.voice_activity import VOICE_ACTIVITY
from voice_agent.core.agent import TurnSettings

WINDOW = 512
CHUNK_BYTES = 640
"""20 ms, as clients send them: windows are complete at other moments than audio comes."""


class Noting:
    """An analyzer, and what it found."""

    def __init__(self, analyzer: VADAnalyzer) -> None:
        self.analyzer = analyzer
        self.states: list[VADState] = []
        self.confidences: list[float] = []
        self._judge = analyzer.voice_confidence
        analyzer.voice_confidence = self._note  # type: ignore[method-assign]

    def _note(self, buffer: bytes) -> float:
        confidence = self._judge(buffer)
        self.confidences.append(float(np.squeeze(confidence)))
        return confidence

    async def hear(self, sound: np.ndarray) -> None:
        """Take in `sound` as it would come, and note the state after each chunk."""
        self.analyzer.set_sample_rate(RATE)
        audio = sound.tobytes()
        for start in range(0, len(audio), CHUNK_BYTES):
            chunk = audio[start : start + CHUNK_BYTES]
            self.states.append(await self.analyzer.analyze_audio(chunk))
        await self.analyzer.cleanup()


async def test_voice_activity_gives_pipecats_confidences_and_states() -> None:
    turn = TurnSettings(start_s=0.1, stop_s=0.3, confidence=0.5)
    ours = (await VOICE_ACTIVITY.create()).analyzer(turn)
    theirs = SileroVADAnalyzer(params=ours.params)
    assert (ours.params.confidence, ours.params.start_secs, ours.params.stop_secs) == (
        0.5,
        0.1,
        0.3,
    )
    sound = speech_like(8.0)
    try:
        for analyzer in (ours, theirs):
            analyzer.set_sample_rate(RATE)
        for start in range(0, len(sound) - WINDOW, WINDOW):
            window = sound[start : start + WINDOW].tobytes()
            assert await ours.analyze_audio(window) == await theirs.analyze_audio(window)
            mine = float(np.squeeze(ours.voice_confidence(window)))
            assert mine == pytest.approx(
                float(np.squeeze(theirs.voice_confidence(window))), abs=1e-4
            )
    finally:
        await ours.cleanup()
        await theirs.cleanup()


async def test_calls_whose_windows_are_judged_together_get_pipecats_confidences_and_states() -> (
    None
):
    engine = await VOICE_ACTIVITY.create()
    sound = speech_like(12.0)
    sounds = [sound[RATE * start : RATE * (start + 7)] for start in range(5)]
    turn = TurnSettings(start_s=0.1, stop_s=0.3, confidence=0.5)
    together = [Noting(engine.analyzer(turn)) for _ in sounds]
    alone = [Noting(SileroVADAnalyzer(params=together[0].analyzer.params)) for _ in sounds]
    await asyncio.gather(*map(Noting.hear, together, sounds))
    for noting, piece in zip(alone, sounds, strict=True):
        await noting.hear(piece)
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.states == theirs.states
        assert len(mine.confidences) == len(sounds[0]) // WINDOW
        assert mine.confidences == pytest.approx(theirs.confidences, abs=1e-4)
    assert any(VADState.SPEAKING in mine.states for mine in together)


async def test_loudness_is_measured_only_while_somebody_speaks_and_is_pipecats_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = 0
    real = utils.calculate_audio_volume

    def counted(audio: bytes, rate: int) -> float:
        nonlocal measured
        measured += 1
        return real(audio, rate)

    monkeypatch.setattr(voice_activity, "calculate_audio_volume", counted)
    ours: Any = (await VOICE_ACTIVITY.create()).analyzer(TurnSettings(confidence=0.5))
    theirs = SileroVADAnalyzer(params=ours.params)
    room = np.random.default_rng(1).normal(0, 30, RATE * 6).astype(np.int16)
    sound = np.concatenate([room, speech_like(8.0), room])
    compared = 0
    try:
        for analyzer in (ours, theirs):
            analyzer.set_sample_rate(RATE)
        for start in range(0, len(sound) - WINDOW, WINDOW):
            window = sound[start : start + WINDOW].tobytes()
            assert await ours.analyze_audio(window) == await theirs.analyze_audio(window)
            if ours._confidence >= ours.params.confidence:
                compared += 1
                assert ours._prev_volume == pytest.approx(theirs._prev_volume, abs=1e-3)
    finally:
        await ours.cleanup()
        await theirs.cleanup()
    assert compared > 3
    assert measured < len(sound) // WINDOW / 2


async def test_who_looks_at_the_volume_being_measured_does_not_stop_the_hearing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[memoryview] = []

    def looked_at(audio: bytes | bytearray, _: int) -> float:
        measured.append(memoryview(audio))
        return 0.5

    monkeypatch.setattr(voice_activity, "calculate_audio_volume", looked_at, raising=False)
    monkeypatch.setattr(volume, "calculate_audio_volume", looked_at, raising=False)
    analyzer: Any = (await VOICE_ACTIVITY.create()).analyzer(TurnSettings())
    analyzer.set_sample_rate(RATE)
    monkeypatch.setattr(analyzer._engine, "confidence_alone", lambda *_: 1.0)
    try:
        for _ in range(40):
            await analyzer.analyze_audio(bytes(WINDOW * 2))
    finally:
        await analyzer.cleanup()
    assert len(measured) > 20


async def test_calls_that_share_the_engine_do_not_hear_each_other() -> None:
    engine = await VOICE_ACTIVITY.create()
    alone, beside, other = (engine.analyzer(TurnSettings()) for _ in range(3))
    sound = speech_like(2.0)
    try:
        for analyzer in (alone, beside, other):
            analyzer.set_sample_rate(RATE)
        for start in range(0, len(sound) - WINDOW, WINDOW):
            window = sound[start : start + WINDOW].tobytes()
            expected = np.squeeze(alone.voice_confidence(window))
            other.voice_confidence(bytes(WINDOW * 2))
            assert np.squeeze(beside.voice_confidence(window)) == expected
    finally:
        for analyzer in (alone, beside, other):
            await analyzer.cleanup()


async def test_a_burst_of_pauses_is_judged_in_a_few_threads() -> None:
    engine = await TURN_COMPLETION.create()
    analyzers = [engine.analyzer(TurnSettings()) for _ in range(8)]
    before = threading.active_count()
    try:
        for analyzer in analyzers:
            analyzer.set_sample_rate(RATE)
            analyzer.append_audio(speech_like(1.0).tobytes(), is_speech=True)
        verdicts = await asyncio.gather(*(each.analyze_end_of_turn() for each in analyzers))
        assert len({state for state, _ in verdicts}) == 1
        assert threading.active_count() - before <= (os.cpu_count() or 1)
    finally:
        for analyzer in analyzers:
            await analyzer.cleanup()
        assert TURN_COMPLETION.close is not None
        await TURN_COMPLETION.close(engine)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux")
@pytest.mark.parametrize("server", [0, 5, 15])
def test_verdicts_give_way_to_the_event_loop(server: int) -> None:
    async def ask() -> int:
        engine = await TURN_COMPLETION.create()
        analyzer: Any = engine.analyzer(TurnSettings())
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(analyzer._model_executor, os.nice, 0)
        finally:
            await engine.close()

    def serve() -> int:
        os.nice(server)
        return asyncio.run(ask())

    with ThreadPoolExecutor(1) as thread:
        verdicts = thread.submit(serve).result()
    assert verdicts == min(os.nice(0) + server + NICENESS, 19)


async def test_turn_completion_gives_pipecats_verdict() -> None:
    engine = await TURN_COMPLETION.create()
    ours = engine.analyzer(TurnSettings(max_wait_s=2.5))
    theirs = LocalSmartTurnAnalyzerV3(params=SmartTurnParams(stop_secs=2.5))
    try:
        for analyzer in (ours, theirs):
            analyzer.set_sample_rate(RATE)
            analyzer.append_audio(speech_like(2.0).tobytes(), is_speech=True)
        assert ours.params == theirs.params
        (state, mine), (their_state, other) = (
            await ours.analyze_end_of_turn(),
            await theirs.analyze_end_of_turn(),
        )
        assert state == their_state
        assert mine is not None
        assert other is not None
        assert mine.model_dump()["probability"] == pytest.approx(
            other.model_dump()["probability"], abs=1e-4
        )
    finally:
        await ours.cleanup()
        await theirs.cleanup()
