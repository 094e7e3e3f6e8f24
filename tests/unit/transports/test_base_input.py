"""A caller's audio at the door: the edges that Pipecat would find, and no sample lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from unittest.mock import create_autospec

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.audio.vad.vad_controller import VADController
from pipecat.clocks.system_clock import SystemClock
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    SpeechControlParamsFrame,
    StartFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.asyncio.task_manager import TaskManager

from tests.unit.audio.speech_like import RATE, speech_like
from voice_agent.audio.voice_activity import VOICE_ACTIVITY
from voice_agent.core.agent import TurnSettings
from voice_agent.testing.scripted_hearing import LoudnessAnalyzer
from voice_agent.transports.base_input import PARCEL_S, SLICE_S, HearingInput

EDGES = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)
CHUNK = 640
"""Bytes of 20 ms, as clients send them."""
QUICK = VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.3)


class Door(HearingInput):
    """A transport's input that keeps what it would push."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_in_enabled=True))
        self.pushed: list[Frame] = []
        self.upstream: list[Frame] = []

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Keep `frame`."""
        (self.pushed if direction is FrameDirection.DOWNSTREAM else self.upstream).append(frame)

    async def send(self, audio: bytes, chunk: int = CHUNK) -> None:
        """Take in `audio` as a client would send it."""
        for start in range(0, len(audio), chunk):
            await self.push_audio_frame(_frame(audio[start : start + chunk]))

    @property
    def heard(self) -> bytes:
        """All audio that it pushed."""
        return b"".join(f.audio for f in self.pushed if isinstance(f, InputAudioRawFrame))

    @property
    def edges(self) -> list[tuple[type[Frame], int]]:
        """Each edge of speech, and how many bytes of audio were pushed before it."""
        found: list[tuple[type[Frame], int]] = []
        size = 0
        for frame in self.pushed:
            if isinstance(frame, InputAudioRawFrame):
                size += len(frame.audio)
            elif isinstance(frame, EDGES):
                found.append((type(frame), size))
        return found


def _frame(audio: bytes) -> InputAudioRawFrame:
    return InputAudioRawFrame(audio=audio, sample_rate=RATE, num_channels=1)


def _setup() -> FrameProcessorSetup:
    return FrameProcessorSetup(
        clock=SystemClock(),
        task_manager=TaskManager(),
        pipeline_worker=create_autospec(PipelineWorker, instance=True),
        audio_in_sample_rate=RATE,
    )


@asynccontextmanager
async def a_door(analyzer: VADAnalyzer) -> AsyncIterator[Door]:
    """Give a door that was started."""
    door = Door()
    door.hear_with(analyzer)
    await door.setup(_setup())
    await door.start(StartFrame())
    try:
        yield door
    finally:
        await door.cancel(CancelFrame())
        await door.cleanup()


async def pipecats_edges(analyzer: VADAnalyzer, audio: bytes) -> list[tuple[type[Frame], int]]:
    """Return the edges that Pipecat's controller finds, and after how many bytes."""
    found: list[tuple[type[Frame], int]] = []
    size = 0
    controller = VADController(analyzer)

    def note(kind: type[Frame]) -> Callable[[object], object]:
        async def on_edge(_: object) -> None:
            found.append((kind, size))

        return on_edge

    controller.add_event_handler("on_speech_started", note(EDGES[0]))
    controller.add_event_handler("on_speech_stopped", note(EDGES[1]))
    analyzer.set_sample_rate(RATE)
    try:
        for start in range(0, len(audio), CHUNK):
            chunk = audio[start : start + CHUNK]
            size += len(chunk)
            await controller.process_frame(_frame(chunk))
    finally:
        await analyzer.cleanup()
    return found


async def test_it_finds_the_edges_that_pipecats_own_analyzer_finds() -> None:
    sound = speech_like(12.0).tobytes()
    analyzer = (await VOICE_ACTIVITY.create()).analyzer(
        TurnSettings(start_s=0.1, stop_s=0.2, confidence=0.3)
    )

    async with a_door(analyzer) as door:
        await door.send(sound)

    theirs = await pipecats_edges(SileroVADAnalyzer(params=analyzer.params), sound)
    assert len(theirs) >= 4
    assert door.edges == theirs
    assert door.upstream[-1].broadcast_sibling_id is not None


async def test_every_sample_goes_on_once_and_in_order_in_short_parcels() -> None:
    sound = speech_like(6.0)[: RATE * 5 + 77].tobytes()
    async with a_door(LoudnessAnalyzer(params=QUICK)) as door:
        await door.send(sound)
        await door.process_frame(EndFrame(), FrameDirection.DOWNSTREAM)

    assert door.heard == sound
    assert isinstance(door.pushed[-1], EndFrame)
    parcels = [len(f.audio) for f in door.pushed if isinstance(f, InputAudioRawFrame)]
    assert max(parcels) <= (PARCEL_S + SLICE_S) * RATE * 2
    assert len(parcels) < len(sound) / CHUNK / 3


async def test_what_begins_and_ends_in_one_long_message_is_noticed() -> None:
    silence, voice = np.zeros(RATE, np.int16), np.full(RATE // 2, 8000, np.int16)
    message = np.concatenate([silence, voice, silence]).tobytes()
    async with a_door(LoudnessAnalyzer(params=QUICK)) as door:
        await door.send(message, len(message))
        assert [kind for kind, _ in door.edges] == list(EDGES)
        assert door.edges[0][1] / (2 * RATE) == pytest.approx(1.1, abs=0.05)
        assert door.edges[1][1] / (2 * RATE) == pytest.approx(1.7, abs=0.05)


async def test_it_tells_what_it_hears_with_and_how_long_that_waits() -> None:
    async with a_door(LoudnessAnalyzer(params=QUICK)) as door:
        await door.send(np.full(RATE // 2, 8000, np.int16).tobytes())
        await door.send(bytes(RATE))

    told = [f for f in door.pushed if isinstance(f, SpeechControlParamsFrame)]
    assert [frame.vad_params for frame in told] == [QUICK]
    started, stopped = (f for f in door.pushed if isinstance(f, EDGES))
    assert isinstance(started, VADUserStartedSpeakingFrame)
    assert started.start_secs == QUICK.start_secs
    assert isinstance(stopped, VADUserStoppedSpeakingFrame)
    assert stopped.stop_secs == QUICK.stop_secs


@pytest.mark.virtual_time
async def test_speech_ends_when_no_more_audio_comes() -> None:
    async with a_door(LoudnessAnalyzer(params=QUICK)) as door:
        sound = np.full(RATE // 2 + 333, 8000, np.int16).tobytes()
        await door.send(sound)
        assert [kind for kind, _ in door.edges] == [VADUserStartedSpeakingFrame]
        await asyncio.sleep(2.5)
        assert door.edges[-1] == (VADUserStoppedSpeakingFrame, len(sound))
