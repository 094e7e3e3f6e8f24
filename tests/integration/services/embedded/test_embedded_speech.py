"""Speech by flite and espeak-ng: real engines in real helper processes, in a real pipeline."""

import array
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.services.settings import TTSSettings

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import ServicePool
from voice_agent.services.embedded.espeak import EspeakProvider
from voice_agent.services.embedded.flite import FliteProvider
from voice_agent.services.embedded.speech import EmbeddedSpeechProvider
from voice_agent.services.embedded.speech_service import EmbeddedTTSService
from voice_agent.services.provider import ProviderOptions
from voice_agent.testing import loop_watch
from voice_agent.testing.service_run import ServiceRun

DEFAULTS = ProviderOptions()
TWELVE_WORDS = "We are open from nine to six on every day except Sunday."
LONG = "This sentence is one of many that nobody will ever hear to its end. " * 40

needs_flite = pytest.mark.skipif(not FliteProvider.present(), reason="flite is not installed")
needs_espeak = pytest.mark.skipif(not EspeakProvider.present(), reason="no espeak-ng here")
ENGINES = [
    pytest.param(FliteProvider, marks=needs_flite, id="flite"),
    pytest.param(EspeakProvider, marks=needs_espeak, id="espeak"),
]
AnyProvider = type[FliteProvider] | type[EspeakProvider] | type[EmbeddedSpeechProvider]


def agent(language: str = "en-US") -> Agent:
    return Agent(id="frontdesk", name="Front desk", greeting="Hello", language=language)


def loudness(audio: bytes) -> float:
    samples = array.array("h", audio)
    return sum(abs(sample) for sample in samples) / max(1, len(samples))


@pytest.fixture
async def pool() -> AsyncIterator[ServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


async def service(
    pool: ServicePool,
    kind: AnyProvider,
    options: ProviderOptions = DEFAULTS,
    language: str = "en-US",
) -> EmbeddedTTSService:
    provider = kind(options)
    lease = await pool.lease(provider.resources(agent(language)), timeout_s=10)
    return provider.build(agent(language), lease)


@pytest.mark.parametrize("kind", ENGINES)
async def test_speech_comes_in_short_frames_at_the_rate_of_the_pipeline(
    pool: ServicePool, kind: AnyProvider
) -> None:
    async with ServiceRun(await service(pool, kind)) as run:
        await run.send(TTSSpeakFrame(TWELVE_WORDS))
        await run.wait_for(TTSStoppedFrame)
        audio = run.of(TTSAudioRawFrame)
        spoken_s = sum(len(frame.audio) for frame in audio) / 2 / 24_000
        assert 2.5 < spoken_s < 6
        assert {frame.sample_rate for frame in audio} == {24_000}
        assert all(len(frame.audio) <= 24_000 * 0.1 * 2 for frame in audio)
        assert loudness(b"".join(frame.audio for frame in audio)) > 300
        assert [frame.text for frame in run.of(TTSTextFrame)] == [TWELVE_WORDS]
        assert len(run.of(TTSStartedFrame)) == 1
        assert not run.of(ErrorFrame)


@pytest.mark.parametrize("kind", ENGINES)
async def test_the_first_audio_is_there_within_a_tenth_of_a_second(
    pool: ServicePool, kind: AnyProvider
) -> None:
    async with ServiceRun(await service(pool, kind)) as run:
        taken = []
        for turn in range(1, 4):
            heard = len(run.of(TTSAudioRawFrame))
            began = time.perf_counter()
            await run.send(TTSSpeakFrame(TWELVE_WORDS))
            await run.wait_for(TTSAudioRawFrame, count=heard + 1)
            taken.append(time.perf_counter() - began)
            await run.wait_for(TTSStoppedFrame, count=turn)
        assert min(taken) < 0.1


@pytest.mark.parametrize("kind", ENGINES)
async def test_an_interruption_stops_the_helper_and_the_next_text_is_spoken(
    pool: ServicePool, kind: AnyProvider
) -> None:
    tts = await service(pool, kind)
    helper = tts._synthesizer.helper
    async with ServiceRun(tts) as run:
        await run.send(TTSSpeakFrame(LONG))
        await run.wait_for(TTSAudioRawFrame)
        await run.send(InterruptionFrame())
        await run.wait_for(InterruptionFrame)
        assert helper.stream_count == 0
        heard = len(run.frames)
        await run.send(TTSSpeakFrame("Yes?"))
        await run.wait_until(lambda: "Yes?" in [f.text for f in run.of(TTSTextFrame)])
        after = run.frames[heard:]
        audio = b"".join(f.audio for f in after if isinstance(f, TTSAudioRawFrame))
        assert len(audio) / 2 / 24_000 < 2
    assert helper.starts == 1


@pytest.mark.alone
@pytest.mark.parametrize("kind", ENGINES)
async def test_a_long_text_is_made_only_seconds_ahead(pool: ServicePool, kind: AnyProvider) -> None:
    async with ServiceRun(await service(pool, kind)) as run:
        await run.send(TTSSpeakFrame(LONG))

        def made_s() -> float:
            return sum(len(frame.audio) for frame in run.of(TTSAudioRawFrame)) / 2 / 24_000

        await run.wait_until(lambda: made_s() > 14)
        began, made_then = time.perf_counter(), made_s()
        await run.wait_until(lambda: made_s() > made_then + 2)
        assert time.perf_counter() - began > 0.5


@pytest.mark.parametrize("kind", ENGINES)
async def test_text_without_a_word_does_not_write_the_service_off(
    pool: ServicePool, kind: AnyProvider
) -> None:
    async with ServiceRun(await service(pool, kind)) as run:
        for count in range(1, 5):
            await run.send(TTSSpeakFrame("... !"))
            await run.wait_for(TTSStoppedFrame, count=count)
        assert not run.of(ErrorFrame)


@pytest.mark.alone
@pytest.mark.parametrize("kind", ENGINES)
async def test_a_helper_killed_while_it_speaks_is_an_error_and_the_next_text_is_spoken(
    pool: ServicePool, kind: AnyProvider
) -> None:
    tts = await service(pool, kind)
    async with ServiceRun(tts) as run:
        await run.send(TTSSpeakFrame(LONG))
        await run.wait_for(TTSAudioRawFrame)
        pid = tts._synthesizer.helper.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        error = await run.wait_for(ErrorFrame, timeout_s=30)
        assert "helper ended" in error.error
        await run.send(TTSSpeakFrame(TWELVE_WORDS))
        await run.wait_until(lambda: TWELVE_WORDS in [f.text for f in run.of(TTSTextFrame)])


@needs_espeak
async def test_the_agents_language_chooses_the_espeak_voice(pool: ServicePool) -> None:
    for language, voice in [
        ("de-DE", "de"),
        ("pt-BR", "pt-br"),
        ("zh-CN", "cmn"),
        ("en-GB", "en-gb"),
    ]:
        tts = await service(pool, EspeakProvider, language=language)
        assert tts._voice.name == voice


@needs_espeak
async def test_a_voice_and_its_variant_and_speed_can_be_set(pool: ServicePool) -> None:
    tts = await service(pool, EspeakProvider, ProviderOptions(voice="en-gb+f3@1.3"))
    assert (tts._voice.name, tts._speed) == ("en-gb+f3", 1.3)
    async with ServiceRun(tts) as run:
        await run.send(TTSSpeakFrame("Hello"))
        await run.wait_for(TTSStoppedFrame)
        assert run.of(TTSAudioRawFrame)


@needs_flite
async def test_the_voice_can_be_changed_during_a_call(pool: ServicePool) -> None:
    tts = await service(pool, FliteProvider)
    async with ServiceRun(tts) as run:
        await run.send(TTSUpdateSettingsFrame(delta=TTSSettings(voice="rms")))
        await run.send(TTSSpeakFrame("Hello"))
        await run.wait_for(TTSStoppedFrame)
        assert tts._voice.name == "rms"
        await run.send(TTSUpdateSettingsFrame(delta=TTSSettings(voice="nobody")))
        error = await run.wait_for(ErrorFrame)
        assert "no voice 'nobody'" in error.error
        assert tts._voice.name == "rms"


@needs_flite
async def test_an_unknown_voice_is_named_with_those_that_there_are(pool: ServicePool) -> None:
    options = ProviderOptions(voice="slu")
    (problem,) = await FliteProvider(options).check()
    assert problem.startswith("VOICE_AGENT_TTS_VOICE: flite has no voice 'slu'; did you mean slt?")
    assert "rms" in problem
    with pytest.raises(SettingsError, match="no voice 'slu'"):
        await service(pool, FliteProvider, options)


@needs_espeak
async def test_an_unknown_espeak_voice_is_a_problem_at_the_start() -> None:
    (problem,) = await EspeakProvider(ProviderOptions(voice="en-uz")).check()
    assert "espeak-ng has no voice 'en-uz'; did you mean en-us" in problem
    assert await EspeakProvider(ProviderOptions(voice="en-us")).check() == ()


@needs_flite
@needs_espeak
async def test_embedded_speaks_english_with_flite_and_german_with_espeak(
    pool: ServicePool,
) -> None:
    english = await service(pool, EmbeddedSpeechProvider, ProviderOptions(voice="rms"))
    german = await service(pool, EmbeddedSpeechProvider, ProviderOptions(voice="rms"), "de-DE")
    assert english._voice.name == "rms"
    assert german._voice.name == "de"
    assert await EmbeddedSpeechProvider(ProviderOptions(voice="rms")).check() == ()


@needs_flite
@needs_espeak
async def test_embedded_takes_a_voice_from_the_engine_that_has_it(pool: ServicePool) -> None:
    tts = await service(pool, EmbeddedSpeechProvider, ProviderOptions(voice="en-gb"))
    assert tts._voice.name == "en-gb"


@pytest.mark.alone
@pytest.mark.parametrize("kind", ENGINES)
async def test_ten_speeches_at_once_never_hold_the_event_loop(
    pool: ServicePool, kind: AnyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Counted in processor time of our thread: real time would count what else the machine does.
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    runs = [ServiceRun(await service(pool, kind)) for _ in range(10)]
    async with AsyncExitStack() as stack:
        for run in runs:
            await stack.enter_async_context(run)
        with loop_watch.EventLoopWatch(limit_s=0.01):
            await asyncio.gather(*(run.send(TTSSpeakFrame(TWELVE_WORDS)) for run in runs))
            await asyncio.gather(*(run.wait_for(TTSStoppedFrame) for run in runs))


@pytest.mark.alone
@pytest.mark.parametrize("kind", ENGINES)
async def test_starting_an_engine_never_holds_the_event_loop(
    kind: type[FliteProvider] | type[EspeakProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    (resource,) = kind(DEFAULTS).resources(agent())
    with loop_watch.EventLoopWatch(limit_s=0.01):
        synthesizer = await resource.create()
        await synthesizer.close()
