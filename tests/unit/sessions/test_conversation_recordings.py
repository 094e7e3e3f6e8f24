"""Whole conversations on file: who is heard when, what is not, and what goes wrong."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from loguru import logger
from pipecat.frames.frames import TTSAudioRawFrame

from tests.unit.audio.recording.listening import decoded, heard_in, tone
from voice_agent.audio.recording.ogg import read_facts
from voice_agent.audio.recording.recorder import Recorder
from voice_agent.core.agent import Agent
from voice_agent.core.events import (
    AgentTurnEnded,
    ErrorOccurred,
    RecordingEnded,
    RecordingStarted,
    SentenceHeard,
    UserTurnEnded,
)
from voice_agent.core.service_pool import Lease
from voice_agent.storage.recordings import RecordingFiles
from voice_agent.testing.audible_text import duration_s, silence, spoken
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.memory_client import MemoryClient
from voice_agent.testing.scripted_tts import ScriptedTTS
from voice_agent.testing.virtual_time import virtual_clock
from voice_agent.transports.base import AUDIO_IN_RATE, AUDIO_OUT_RATE

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.", recording=True)
HOURS = "We are open from nine to six, on every day of the week but Sunday."
REPLIES = {"open": HOURS, "name": "This is the front desk."}
NEAR_S = 0.05


class ToneTTS(ScriptedTTS):
    """Hums for as long as saying the words would take; words do not survive Opus."""

    def build(self, agent: Agent, lease: Lease) -> Any:
        voice: Any = super().build(agent, lease)
        speak: Callable[[str, str], AsyncIterator[TTSAudioRawFrame | None]] = voice.run_tts

        async def hum(text: str, context_id: str) -> AsyncIterator[TTSAudioRawFrame | None]:
            async for frame in speak(text, context_id):
                if frame is not None:
                    seconds = len(frame.audio) / 2 / AUDIO_OUT_RATE
                    frame.audio = tone(seconds, AUDIO_OUT_RATE)
                yield frame

        voice.run_tts = hum
        return voice


class Studio:
    """A conversation that is recorded."""

    def __init__(
        self, harness: ConversationHarness, files: RecordingFiles, recorder: Recorder
    ) -> None:
        self.harness = harness
        self.files = files
        self.recorder = recorder

    async def told(self, call: MemoryClient, state: str) -> None:
        """Wait until the client is told that the recording is in a state."""
        # Its thread works in real time.
        await self.recorder.catch_up()
        wanted = {"type": "recording", "state": state}
        await call.until(
            lambda: any(
                message["data"] == wanted for message in call.messages_of("server-message")
            ),
            f"the notice that the recording {state}",
        )

    async def heard(self, count: int) -> None:
        """Wait until that many sentences of the agent were heard."""
        await self.harness.until(
            lambda: len(self.harness.payloads(SentenceHeard)) >= count, "a sentence to be heard"
        )


@asynccontextmanager
async def studio(
    folder: Path,
    agent: Agent = AGENT,
    new_file: Callable[[str], tuple[int, BinaryIO]] | None = None,
) -> AsyncIterator[Studio]:
    files = RecordingFiles(folder, read_facts)
    recorder = Recorder(new_file or files.create, virtual_clock())
    async with ConversationHarness(
        agent, replies=REPLIES, tts=ToneTTS(), recorder=recorder
    ) as harness:
        yield Studio(harness, files, recorder)


def ready(call: MemoryClient) -> None:
    call.send("client-ready", {"version": "1.0.0", "about": {"library": "test"}})


async def test_the_caller_is_left_and_the_agent_right_each_at_the_right_time(
    tmp_path: Path,
) -> None:
    async with studio(tmp_path) as room:
        clock = room.harness.clock
        call = await room.harness.call()
        await room.heard(1)
        await asyncio.sleep(3)
        said_at = clock.wall()
        question = tone(1.5, AUDIO_IN_RATE) + spoken("open", AUDIO_IN_RATE)
        await call.speak(question)
        await room.heard(2)
        await asyncio.sleep(2)
        ended_at = clock.wall()
        session = await room.harness.read()
        await call.leave()
        await room.harness.ended()
    (recording,) = room.files.list(session.session_id)
    left, right = decoded(room.files.path(session.session_id, recording.number))

    def wall(played_at: float) -> float:
        return played_at - clock.monotonic() + clock.wall() - recording.started_at

    (caller,) = heard_in(left)
    assert caller[0] == pytest.approx(said_at - recording.started_at, abs=NEAR_S)
    assert caller[1] - caller[0] == pytest.approx(duration_s(question, AUDIO_IN_RATE), abs=NEAR_S)
    greeting, answer = heard_in(right)
    began = [wall(call.played[0].at)]
    for before, played in zip(call.played, call.played[1:], strict=False):
        if played.at - before.ended_at > 1:
            began.append(wall(played.at))
    assert [greeting[0], answer[0]] == pytest.approx(began, abs=NEAR_S)
    assert answer[1] == pytest.approx(wall(call.quiet_since), abs=NEAR_S)
    assert recording.number == 1
    assert recording.duration_s == pytest.approx(ended_at - recording.started_at, abs=NEAR_S)
    assert left.shape[0] / 48_000 == pytest.approx(recording.duration_s, abs=0.001)
    assert room.harness.payloads(RecordingStarted) == [RecordingStarted(1)]
    (ended,) = room.harness.payloads(RecordingEnded)
    assert ended.duration_s == pytest.approx(recording.duration_s, abs=0.01)


async def test_what_was_cut_off_is_not_in_the_file(tmp_path: Path) -> None:
    async with studio(tmp_path) as room:
        call = await room.harness.call()
        await room.heard(1)
        await call.say("open")
        await room.harness.until(
            lambda: bool(room.harness.payloads(UserTurnEnded)), "the question to be understood"
        )
        await asyncio.sleep(1.5)
        await call.speak(tone(1, AUDIO_IN_RATE) + spoken("name", AUDIO_IN_RATE))
        await room.harness.until(
            lambda: AgentTurnEnded(interrupted=True) in room.harness.payloads(AgentTurnEnded),
            "the agent to be cut off",
        )
        await room.heard(2)
        session = await room.harness.read()
        clock = room.harness.clock
    (recording,) = room.files.list(session.session_id)
    left, right = decoded(room.files.path(session.session_id, 1))
    cut_at = call.interruptions[-1] - clock.monotonic() + clock.wall() - recording.started_at
    _, cut_off, last = heard_in(right)
    assert cut_off[1] == pytest.approx(cut_at, abs=0.03)
    assert cut_off[0] < heard_in(left)[-1][0] < cut_off[1] < last[0]


async def test_each_leg_has_a_file_of_its_own(tmp_path: Path) -> None:
    async with studio(tmp_path) as room:
        session_id = await room.harness.create()
        first = await room.harness.call(session_id)
        await room.heard(1)
        await first.vanish()
        await asyncio.sleep(20)
        second = await room.harness.call(session_id)
        await second.speak(tone(1, AUDIO_IN_RATE) + silence(1, AUDIO_IN_RATE))
        await second.leave()
        await room.harness.ended(session_id)
    one, two = room.files.list(session_id)
    assert (one.number, two.number) == (1, 2)
    assert two.started_at - one.started_at > 20
    assert one.duration_s < 10
    left, right = decoded(room.files.path(session_id, 2))
    assert len(heard_in(left)) == 1
    assert not heard_in(right)
    assert [event.number for event in room.harness.payloads(RecordingStarted)] == [1, 2]
    assert [event.number for event in room.harness.payloads(RecordingEnded)] == [1, 2]


async def test_the_client_is_told_once_it_is_ready_to_hear(tmp_path: Path) -> None:
    async with studio(tmp_path) as room:
        call = await room.harness.call()
        await room.heard(1)
        assert not call.messages_of("server-message")
        ready(call)
        await room.told(call, "started")


async def test_a_long_silence_costs_no_more_than_its_length(tmp_path: Path) -> None:
    async with studio(tmp_path) as room:
        call = await room.harness.call()
        await room.heard(1)
        await asyncio.sleep(200)
        await call.speak(tone(1, AUDIO_IN_RATE))
        session = await room.harness.read()
        said_at = room.harness.clock.wall() - 1
    (recording,) = room.files.list(session.session_id)
    left, _ = decoded(room.files.path(session.session_id, 1))
    (said,) = heard_in(left)
    assert said[0] == pytest.approx(said_at - recording.started_at, abs=NEAR_S)
    assert recording.bytes < 100_000


async def test_an_agent_that_does_not_ask_for_it_is_not_recorded(tmp_path: Path) -> None:
    async with studio(tmp_path, replace(AGENT, recording=False)) as room:
        call = await room.harness.call()
        ready(call)
        await room.heard(1)
        assert not room.harness.payloads(RecordingStarted)
        assert not call.messages_of("server-message")
        session = await room.harness.read()
    assert not room.files.list(session.session_id)


async def test_an_agent_that_may_not_be_recorded_is_not_and_the_log_says_so_once(
    warnings: list[str],
) -> None:
    logger.enable("voice_agent.bot")  # a command that another test ran may have quieted it
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        for _ in range(2):
            call = await harness.call()
            ready(call)
            await call.agent_says("Hello")
            assert not call.messages_of("server-message")
        assert not harness.payloads(RecordingStarted)
    (warning,) = [line for line in warnings if "recorded" in line]
    assert "'frontdesk'" in warning
    assert "VOICE_AGENT_RECORDINGS=allowed" in warning


class FullDisk:
    """Files that take the first pages and then no more."""

    def __init__(self, files: RecordingFiles, pages: int) -> None:
        self._files = files
        self._pages = pages

    def create(self, session_id: str) -> tuple[int, BinaryIO]:
        if not self._pages:
            raise PermissionError(13, "Permission denied")
        number, file = self._files.create(session_id)
        return number, _Full(file, self._pages)  # type: ignore[return-value]


class _Full:
    def __init__(self, file: BinaryIO, pages: int) -> None:
        self._file = file
        self._pages = pages

    def write(self, data: bytes) -> int:
        self._pages -= 1
        if self._pages < 0:
            # As a full disk does: it takes a part.
            self._file.write(data[:20])
            raise OSError(28, os.strerror(28))
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


async def test_a_full_disk_ends_the_recording_but_not_the_call(
    tmp_path: Path, warnings: list[str]
) -> None:
    disk = FullDisk(RecordingFiles(tmp_path, read_facts), pages=6)
    async with studio(tmp_path, new_file=disk.create) as room:
        call = await room.harness.call()
        ready(call)
        await room.heard(1)
        await room.told(call, "started")
        await call.speak(tone(4, AUDIO_IN_RATE))
        await room.told(call, "ended")
        await call.say("open")
        await room.heard(2)
        session = await room.harness.read()
        (ended,) = room.harness.payloads(RecordingEnded)
        assert 2 < ended.duration_s < 10
        assert not room.harness.payloads(ErrorOccurred)
    errors = [line for line in warnings if "not recorded any further" in line]
    assert len(errors) == 1
    assert "No space left" in errors[0]
    (recording,) = room.files.list(session.session_id)
    left, _ = decoded(room.files.path(session.session_id, 1))
    assert len(left) / 48_000 == pytest.approx(recording.duration_s, abs=0.01)
    assert 1.5 < recording.duration_s < 2.5


async def test_a_directory_that_cannot_be_written_to_leaves_the_call_alone(
    tmp_path: Path, warnings: list[str]
) -> None:
    disk = FullDisk(RecordingFiles(tmp_path, read_facts), pages=0)
    async with studio(tmp_path, new_file=disk.create) as room:
        call = await room.harness.call()
        ready(call)
        await room.heard(1)
        await call.say("open")
        await room.heard(2)
        assert not call.messages_of("server-message")
        assert not room.harness.payloads(RecordingStarted)
        assert not room.harness.payloads(RecordingEnded)
    assert len([line for line in warnings if "Permission denied" in line]) == 1
