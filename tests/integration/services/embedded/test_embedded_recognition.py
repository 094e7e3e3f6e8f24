"""Recognition by PocketSphinx: real speech, real helper processes, a real pipeline."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing

import numpy as np
import pytest
import soxr
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    STTMetadataFrame,
    STTMuteFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from tests.programs import stop_child
from voice_agent.core.agent import Agent, KnowledgeEntry
from voice_agent.core.errors import SettingsError
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.embedded import utterance as utterance_module
from voice_agent.services.embedded.pocketsphinx import PocketSphinxProvider
from voice_agent.services.embedded.pocketsphinx_service import PocketSphinxSTTService
from voice_agent.services.embedded.recogniser_pool import RecogniserLimits, RecognitionError
from voice_agent.services.embedded.recognisers import Recognisers
from voice_agent.services.embedded.synthesizer import Synthesizer
from voice_agent.services.embedded.utterance import LONGEST_UTTERANCE_S
from voice_agent.services.provider import ProviderOptions
from voice_agent.testing import loop_watch
from voice_agent.testing.service_run import ServiceRun

QUESTIONS = [
    "When are you open?",
    "What are your opening hours on Saturday?",
    "Where can I park my car?",
    "Do you use WebSocket?",
]
HOURS = "What are your opening hours on Saturday?"
HOURS_HEARD = "what are your opening hours on saturday"
PARKING = "Where can I park my car?"
PARKING_HEARD = "where can i park my car"


@pytest.fixture(scope="module")
def spoken() -> dict[str, bytes]:
    """What flite's slt says, 16 kHz, with a second of quiet room round it."""

    async def speak() -> dict[str, bytes]:
        # Fails with "flite is not installed" where it is not: these tests need its voice.
        flite = await Synthesizer.start("flite", "voice_agent.services.embedded.flite_helper")
        (voice,) = [voice for voice in flite.voices if voice.name == "slt"]
        sounds = {}
        for text in (HOURS, PARKING):
            async with aclosing(flite.speak(text, voice)) as chunks:
                pcm = b"".join([chunk async for chunk in chunks])
            sounds[text] = bytes(16_000) + pcm + bytes(16_000)
        await flite.close()
        return sounds

    return asyncio.run(speak())


@pytest.fixture
async def recognisers() -> AsyncIterator[Recognisers]:
    recognisers = await Recognisers.start(QUESTIONS, RecogniserLimits(warm=1, maximum=3))
    yield recognisers
    await recognisers.close()


def service(recognisers: Recognisers) -> PocketSphinxSTTService:
    return PocketSphinxSTTService(recognisers, start_s=0.2, stop_s=0.2)


async def ignore(_: str) -> None:
    return None


async def speak(run: ServiceRun, pcm: bytes, *, rate: int = 16_000) -> None:
    """Send `pcm` in 32 ms frames, voice activity round it, much faster than real time."""
    size = 2 * int(rate * 0.032)
    frames = [InputAudioRawFrame(pcm[at : at + size], rate, 1) for at in range(0, len(pcm), size)]
    await run.send(*frames[:15], VADUserStartedSpeakingFrame(start_secs=0.2))
    await run.send(*frames[15:], VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def speak_in_real_time(run: ServiceRun, pcm: bytes) -> None:
    """Send `pcm`, 16 kHz, as a caller does: a frame every 32 ms."""
    started = time.monotonic()
    for number, at in enumerate(range(0, len(pcm), 1_024)):
        if number == 15:
            await run.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await run.send(InputAudioRawFrame(pcm[at : at + 1_024], 16_000, 1))
        await asyncio.sleep(started + number * 0.032 - time.monotonic())
    await run.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - processes and counts tell nobody of a change
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_question_is_heard_and_final_when_speech_ends(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, spoken[HOURS])
        transcript = await run.wait_for(TranscriptionFrame)
        assert transcript.text == HOURS_HEARD
        assert transcript.finalized
        assert run.of(STTMetadataFrame)[0].ttfs_p99_latency < 0.5
        assert not run.of(ErrorFrame)


async def test_words_come_while_they_are_spoken(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await run.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await run.send(InputAudioRawFrame(spoken[HOURS] + spoken[PARKING], 16_000, 1))
        partial = await run.wait_for(InterimTranscriptionFrame)
        assert partial.text.startswith("what are your opening")
        assert not run.of(TranscriptionFrame)
        await run.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await run.wait_for(TranscriptionFrame)


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_other_sample_rates_are_heard_too(
    recognisers: Recognisers, spoken: dict[str, bytes], rate: int
) -> None:
    samples = np.frombuffer(spoken[PARKING], np.int16)
    pcm = soxr.resample(samples, 16_000, rate).astype(np.int16).tobytes()
    async with ServiceRun(service(recognisers), audio_in_sample_rate=rate) as run:
        await speak(run, pcm, rate=rate)
        heard = (await run.wait_for(TranscriptionFrame)).text
        assert "park" in heard
        assert rate == 8_000 or heard == PARKING_HEARD


def with_gain(pcm: bytes, first_db: float, fall_db_per_s: float) -> bytes:
    """Return 16 kHz `pcm` under a gain that falls as one speaks; what overflows is cut off."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    gain_db = first_db - fall_db_per_s * np.arange(len(samples)) / 16_000
    return np.clip(samples * 10 ** (gain_db / 20), -32_768, 32_767).astype(np.int16).tobytes()


@pytest.mark.parametrize(
    ("first_db", "fall_db_per_s"), [(10, 6), (-26, 0)], ids=["new gain control", "quiet"]
)
async def test_a_question_is_heard_at_other_levels_than_near_speech(
    recognisers: Recognisers, spoken: dict[str, bytes], first_db: float, fall_db_per_s: float
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, with_gain(spoken[HOURS], first_db, fall_db_per_s))
        assert (await run.wait_for(TranscriptionFrame)).text == HOURS_HEARD


async def test_a_pause_within_a_turn_gives_two_transcripts_in_order(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, spoken[HOURS])
        await speak(run, spoken[PARKING])
        await run.wait_for(TranscriptionFrame, count=2)
        assert [frame.text for frame in run.of(TranscriptionFrame)] == [HOURS_HEARD, PARKING_HEARD]


async def test_an_interruption_does_not_lose_what_interrupts(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    size = 2 * 512
    frames = [
        InputAudioRawFrame(spoken[HOURS][at : at + size], 16_000, 1)
        for at in range(0, len(spoken[HOURS]), size)
    ]
    async with ServiceRun(service(recognisers)) as run:
        await run.send(*frames[:15], VADUserStartedSpeakingFrame(start_secs=0.2))
        await run.send(InterruptionFrame(), *frames[15:])
        await run.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        assert (await run.wait_for(TranscriptionFrame)).text == HOURS_HEARD


async def test_silent_callers_take_no_recogniser(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(ServiceRun(service(recognisers))) for _ in range(5)]
        for run in runs:
            await run.send(InputAudioRawFrame(bytes(32_000), 16_000, 1))
            await run.wait_for(InputAudioRawFrame)
        assert recognisers.pool.size == 1
        assert recognisers.pool.in_use == 0


async def test_a_cough_gives_no_transcript(recognisers: Recognisers) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, bytes(32_000))
        await until(lambda: recognisers.pool.in_use == 0)
        await run.send(EndFrame())
        await run.wait_for(EndFrame)
        assert not run.of(TranscriptionFrame)
        assert not run.of(ErrorFrame)


async def test_a_call_that_ends_still_gets_its_last_words(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, spoken[PARKING])
        await run.send(EndFrame())
        await run.wait_for(EndFrame)
        assert [frame.text for frame in run.of(TranscriptionFrame)] == [PARKING_HEARD]


async def test_a_call_that_is_cut_off_leaves_no_recogniser_taken(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await run.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await run.send(InputAudioRawFrame(spoken[HOURS], 16_000, 1))
        await until(lambda: recognisers.pool.in_use == 1)
    await until(lambda: recognisers.pool.in_use == 0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("utterance")]


async def test_a_muted_caller_is_not_heard(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with ServiceRun(service(recognisers)) as run:
        await run.send(STTMuteFrame(mute=True))
        await speak(run, spoken[HOURS])
        await run.send(STTMuteFrame(mute=False))
        await speak(run, spoken[PARKING])
        await run.wait_for(TranscriptionFrame)
        assert [frame.text for frame in run.of(TranscriptionFrame)] == [PARKING_HEARD]


async def test_a_killed_recogniser_costs_one_utterance_and_nobody_elses(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    async with (
        ServiceRun(service(recognisers)) as victim,
        ServiceRun(service(recognisers)) as other,
    ):
        await victim.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await victim.send(InputAudioRawFrame(spoken[HOURS], 16_000, 1))
        await until(lambda: recognisers.pool.in_use == 1)
        (pid,) = recognisers.pool.pids
        await other.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await other.send(InputAudioRawFrame(spoken[PARKING], 16_000, 1))
        await until(lambda: recognisers.pool.in_use == 2)
        os.kill(pid, signal.SIGKILL)
        await victim.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await other.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        assert (await other.wait_for(TranscriptionFrame)).text == PARKING_HEARD
        error = await victim.wait_for(ErrorFrame)
        assert "recogniser" in error.error
        assert not error.fatal
        await speak(victim, spoken[HOURS])
        assert (await victim.wait_for(TranscriptionFrame)).text == HOURS_HEARD
        assert not other.of(ErrorFrame)


async def test_a_hanging_recogniser_is_ended_and_replaced(
    recognisers: Recognisers, spoken: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utterance_module, "_RESULT_TIMEOUT_S", 0.3)
    (pid,) = recognisers.pool.pids
    async with ServiceRun(service(recognisers)) as run:
        await asyncio.to_thread(stop_child, pid)
        await run.send(VADUserStartedSpeakingFrame(start_secs=0.2))
        await run.send(InputAudioRawFrame(spoken[HOURS], 16_000, 1))
        await run.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await run.wait_for(ErrorFrame)
        monkeypatch.undo()
        await until(lambda: not is_alive(pid))
        await speak(run, spoken[HOURS])
        assert (await run.wait_for(TranscriptionFrame)).text == HOURS_HEARD


async def test_an_utterance_waits_for_a_free_recogniser_and_says_when_there_is_none(
    spoken: dict[str, bytes],
) -> None:
    limits = RecogniserLimits(warm=1, maximum=1, wait_s=5)
    recognisers = await Recognisers.start(QUESTIONS, limits)
    try:
        first, second = recognisers.begin("", ignore), recognisers.begin("", ignore)
        for utterance in (first, second):
            utterance.feed(spoken[PARKING])
        first.finish()
        second.finish()
        results = [await first.result(), await second.result()]
        assert [result.text for result in results] == [PARKING_HEARD, PARKING_HEARD]
        holder, late = recognisers.begin("", ignore), recognisers.begin("", ignore)
        with pytest.raises(RecognitionError, match="busy"):
            await late.result()
        holder.abandon()
        with pytest.raises(RecognitionError, match="abandoned"):
            await holder.result()
        assert recognisers.pool.size == 1
    finally:
        await recognisers.close()


async def test_speech_without_end_is_heard_in_parts(
    recognisers: Recognisers, spoken: dict[str, bytes]
) -> None:
    parts = int(LONGEST_UTTERANCE_S / (len(spoken[HOURS]) / 32_000)) + 2
    async with ServiceRun(service(recognisers)) as run:
        await speak(run, spoken[HOURS] * parts)
        await run.wait_for(TranscriptionFrame, count=2, timeout_s=30)
        assert [frame.finalized for frame in run.of(TranscriptionFrame)] == [False, True]


async def test_idle_recognisers_are_ended_but_for_the_warm_and_then_all(
    spoken: dict[str, bytes],
) -> None:
    limits = RecogniserLimits(warm=1, maximum=3, idle_s=0.1, last_idle_s=1.0)
    recognisers = await Recognisers.start(QUESTIONS, limits)
    try:
        utterances = [recognisers.begin("", ignore) for _ in range(3)]
        for utterance in utterances:
            utterance.feed(spoken[PARKING])
        await until(lambda: recognisers.pool.in_use == 3)
        for utterance in utterances:
            utterance.finish()
            assert (await utterance.result()).text == PARKING_HEARD
        await until(lambda: recognisers.pool.size == 1)
        await until(lambda: recognisers.pool.size == 0)
        again = recognisers.begin("", ignore)
        again.feed(spoken[PARKING])
        again.finish()
        assert (await again.result()).text == PARKING_HEARD
    finally:
        await recognisers.close()


async def test_closing_ends_every_process_and_fails_what_is_being_heard() -> None:
    recognisers = await Recognisers.start(QUESTIONS, RecogniserLimits(warm=2, maximum=2))
    pids = recognisers.pool.pids
    assert len(pids) == 2
    utterance = recognisers.begin("", ignore)
    await until(lambda: recognisers.pool.in_use == 1)
    await recognisers.close()
    utterance.finish()
    with pytest.raises(RecognitionError):
        await utterance.result()
    assert not any(is_alive(pid) for pid in pids)
    with pytest.raises(RecognitionError, match="closed"):
        await recognisers.begin("", ignore).result()


@pytest.mark.alone
async def test_the_event_loop_is_not_held_while_ten_callers_speak(
    spoken: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognisers = await Recognisers.start(QUESTIONS, RecogniserLimits(warm=2, maximum=10))
    # Counted in processor time of our thread: real time would count what else the machine does.
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    try:
        async with AsyncExitStack() as stack:
            runs = [ServiceRun(service(recognisers)) for _ in range(10)]
            for run in runs:
                await stack.enter_async_context(run)
            # As the server does once it is ready: what lives now is not collected again.
            gc.collect()
            gc.freeze()
            with loop_watch.EventLoopWatch(limit_s=0.01):
                await asyncio.gather(*(speak_in_real_time(run, spoken[HOURS]) for run in runs))
                heard = await asyncio.gather(
                    *(run.wait_for(TranscriptionFrame, timeout_s=30) for run in runs)
                )
            assert {frame.text for frame in heard} == {HOURS_HEARD}
    finally:
        gc.unfreeze()
        await recognisers.close()


@pytest.mark.alone
async def test_starting_recognisers_never_holds_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    with loop_watch.EventLoopWatch(limit_s=0.01):
        recognisers = await Recognisers.start(QUESTIONS)
        await recognisers.close()


def agent(language: str = "en-US") -> Agent:
    knowledge = (KnowledgeEntry(tuple(QUESTIONS), "Yes."),)
    return Agent(id="a", name="A", greeting="Hi", language=language, knowledge=knowledge)


async def test_all_legs_of_an_agent_share_its_recognisers(spoken: dict[str, bytes]) -> None:
    provider = PocketSphinxProvider(ProviderOptions())
    pool = WarmServicePool()
    leases = [await pool.lease(provider.resources(agent()), timeout_s=20) for _ in range(2)]
    assert len({id(lease.get(provider.resources(agent())[0])) for lease in leases}) == 1
    async with ServiceRun(provider.build(agent(), leases[0])) as run:
        await speak(run, spoken[HOURS])
        assert (await run.wait_for(TranscriptionFrame)).text == HOURS_HEARD
    for lease in leases:
        await lease.release()
    await pool.close()


def test_an_agent_that_does_not_speak_english_is_told_what_to_set() -> None:
    provider = PocketSphinxProvider(ProviderOptions())
    with pytest.raises(SettingsError, match="VOICE_AGENT_STT_PROVIDER"):
        provider.resources(agent("de-DE"))


async def test_the_check_passes_where_it_works() -> None:
    assert list(await PocketSphinxProvider(ProviderOptions()).check()) == []
