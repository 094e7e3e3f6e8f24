"""The `openai` family through Pipecat's services, against a server that speaks its protocol."""

import asyncio
import gc
import io
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from voice_agent.core.agent import Agent
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.openai import OpenAILLMProvider, OpenAISTTProvider, OpenAITTSProvider
from voice_agent.services.openai_http import HTTP_CLIENT
from voice_agent.services.provider import ProviderOptions
from voice_agent.testing import loop_watch
from voice_agent.testing.openai_server import Fault, Latency, OpenAIServer, Route, tone
from voice_agent.testing.service_run import ServiceRun

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello", language="en-GB")
AnyProvider = OpenAISTTProvider | OpenAILLMProvider | OpenAITTSProvider


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


async def running(pool: WarmServicePool, provider: AnyProvider) -> ServiceRun:
    lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
    return ServiceRun(provider.build(AGENT, lease))


def options(server: OpenAIServer, **others: Any) -> ProviderOptions:
    return ProviderOptions(base_url=server.base_url, **others)


def said(run: ServiceRun) -> str:
    return "".join(frame.text for frame in run.of(LLMTextFrame)).strip()


async def ask(run: ServiceRun, question: str = "When are you open?") -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": question},
    ]
    await run.send(LLMContextFrame(LLMContext(messages)))  # type: ignore[arg-type]


async def speak_to(run: ServiceRun, seconds: float = 0.5) -> None:
    audio = InputAudioRawFrame(bytes(int(16_000 * seconds) * 2), 16_000, 1)
    await run.send(VADUserStartedSpeakingFrame(), audio, VADUserStoppedSpeakingFrame())


async def test_speech_is_sent_as_a_wav_when_it_is_over_and_its_transcript_comes_back(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    server.transcripts.append("What are your opening hours?")
    async with await running(pool, OpenAISTTProvider(options(server))) as run:
        await speak_to(run)
        transcript = await run.wait_for(TranscriptionFrame)
        assert transcript.text == "What are your opening hours?"
        assert transcript.finalized
    (request,) = server.requests_to(Route.TRANSCRIPTION)
    assert request.body["model"] == "whisper-1"
    assert request.body["language"] == "en"
    with wave.open(io.BytesIO(request.file)) as sound:
        assert sound.getframerate() == 16_000
        assert sound.getnframes() >= 16_000 * 0.5


async def test_an_answer_streams_word_by_word(pool: WarmServicePool, server: OpenAIServer) -> None:
    server.replies.append("We open at nine and close at six.")
    server.latency = Latency(token_s=0.02)
    async with await running(pool, OpenAILLMProvider(options(server, model="llama"))) as run:
        began = time.perf_counter()
        await ask(run)
        await run.wait_for(LLMTextFrame)
        first_s = time.perf_counter() - began
        await run.wait_for(LLMFullResponseEndFrame)
        assert time.perf_counter() - began > first_s + 0.1
        assert said(run) == "We open at nine and close at six."
    (request,) = server.requests_to(Route.CHAT)
    assert request.body["model"] == "llama"
    assert {message["role"] for message in request.body["messages"]} <= {"system", "user"}


async def test_any_voice_is_spoken_at_24_khz_as_it_arrives(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = OpenAITTSProvider(options(server, voice="af_heart(2)+bf_emma", model="kokoro"))
    async with await running(pool, provider) as run:
        await run.send(TTSSpeakFrame("We open at nine."))
        await run.wait_for(TTSStoppedFrame)
        audio = run.of(TTSAudioRawFrame)
        assert b"".join(frame.audio for frame in audio) == tone("We open at nine.")
        assert {frame.sample_rate for frame in audio} == {24_000}
        assert max(len(frame.audio) for frame in audio) <= 4800
        assert not run.of(ErrorFrame)
    (request,) = server.requests_to(Route.SPEECH)
    assert request.body["voice"] == "af_heart(2)+bf_emma"
    assert request.body["model"] == "kokoro"
    assert request.body["response_format"] == "pcm"


async def test_a_key_is_sent_and_without_one_nobody_gets_the_key_of_openai(
    pool: WarmServicePool, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    for key, sent in [(None, "Bearer not-needed"), ("sk-mine", "Bearer sk-mine")]:
        with_key = ProviderOptions(base_url=server.base_url, api_key=key, model="test")
        async with await running(pool, OpenAILLMProvider(with_key)) as run:
            await ask(run)
            await run.wait_for(LLMFullResponseEndFrame)
        async with await running(pool, OpenAITTSProvider(with_key)) as run:
            await run.send(TTSSpeakFrame("Yes."))
            await run.wait_for(TTSStoppedFrame)
        async with await running(pool, OpenAISTTProvider(with_key)) as run:
            await speak_to(run)
            await run.wait_for(TranscriptionFrame)
        assert {request.headers["Authorization"] for request in server.requests[-3:]} == {sent}


async def test_legs_one_after_another_share_connections_and_outlive_each_other(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    for provider in [OpenAILLMProvider(options(server, model="test"))] * 5:
        async with await running(pool, provider) as run:
            await ask(run)
            await run.wait_for(LLMFullResponseEndFrame)
            assert said(run) == "I heard you."
    assert len(server.requests) == 5
    assert len(server.clients) <= 2
    (statistics,) = pool.statistics()
    assert statistics.created == 1


@pytest.mark.alone
async def test_building_a_leg_takes_a_moment_and_the_shared_client_never_holds_the_loop(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    providers: list[AnyProvider] = [
        OpenAISTTProvider(options(server)),
        OpenAILLMProvider(options(server, model="test")),
        OpenAITTSProvider(options(server)),
    ]
    with loop_watch.EventLoopWatch(limit_s=0.01):
        client = await HTTP_CLIENT.create()
        await HTTP_CLIENT.close(client)
    pool = WarmServicePool()
    lease = await pool.lease([HTTP_CLIENT], timeout_s=10)
    for provider in providers:
        provider.build(AGENT, lease)
    taken = []
    for _ in range(5):
        began = time.thread_time()
        for provider in providers:
            provider.build(AGENT, lease)
        taken.append(time.thread_time() - began)
    await pool.close()
    assert min(taken) < 0.01


@pytest.mark.alone
async def test_ten_legs_at_once_never_hold_the_event_loop(
    pool: WarmServicePool, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.speak = lambda _: bytes(96_000)
    provider = OpenAITTSProvider(options(server))
    # Counted in processor time of our thread: real time would count what else the machine does.
    monkeypatch.setattr(loop_watch, "_real_time", time.thread_time)
    async with AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(await running(pool, provider)) for _ in range(10)]
        # The first request of a process takes 20 ms: the SDK puts imports off until then.
        await runs[0].send(TTSSpeakFrame("One."))
        await runs[0].wait_for(TTSStoppedFrame)
        runs[0].frames.clear()
        # As the server does once it is ready: what lives now is not collected again.
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        with loop_watch.EventLoopWatch(limit_s=0.01):
            await asyncio.gather(*(run.send(TTSSpeakFrame("Two seconds.")) for run in runs))
            await asyncio.gather(*(run.wait_for(TTSStoppedFrame) for run in runs))
    for run in runs:
        assert sum(len(frame.audio) for frame in run.of(TTSAudioRawFrame)) == 96_000


async def test_a_server_error_that_passes_is_tried_again(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    server.fail_next(Route.CHAT, Fault.FAIL)
    async with await running(pool, OpenAILLMProvider(options(server, model="test"))) as run:
        await ask(run)
        await run.wait_for(LLMFullResponseEndFrame)
        assert said(run) == "I heard you."
        assert not run.of(ErrorFrame)


async def test_a_refused_key_is_an_error_that_says_so(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    server.api_key = "sk-right"
    async with await running(pool, OpenAITTSProvider(options(server, api_key="sk-wrong"))) as run:
        await run.send(TTSSpeakFrame("Yes."))
        error = await run.wait_for(ErrorFrame)
        assert "answered 401" in error.error
        assert "wrong API key" in error.error


async def test_speech_cut_in_the_middle_is_an_error_and_the_next_is_spoken(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    server.fail_next(Route.SPEECH, Fault.CUT)
    async with await running(pool, OpenAITTSProvider(options(server))) as run:
        await run.send(TTSSpeakFrame("We open at nine."))
        await run.wait_for(ErrorFrame)
        heard = len(run.of(TTSAudioRawFrame))
        await run.send(TTSSpeakFrame("Again."))
        await run.wait_until(
            lambda: (
                sum(len(f.audio) for f in run.of(TTSAudioRawFrame)[heard:]) >= len(tone("Again."))
            )
        )


async def test_a_server_that_is_not_there_is_an_error_that_says_so(
    pool: WarmServicePool,
) -> None:
    nowhere = ProviderOptions(base_url="http://127.0.0.1:9/v1", model="test")
    async with await running(pool, OpenAITTSProvider(nowhere)) as run:
        await run.send(TTSSpeakFrame("Yes."))
        error = await run.wait_for(ErrorFrame, timeout_s=20)
        assert "cannot be reached" in error.error


async def test_a_call_ends_while_the_server_hangs(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    for route in (Route.CHAT, Route.SPEECH, Route.TRANSCRIPTION):
        server.fail_next(route, Fault.HANG)
    for provider in (
        OpenAILLMProvider(options(server, model="test")),
        OpenAITTSProvider(options(server)),
        OpenAISTTProvider(options(server)),
    ):
        async with await running(pool, provider) as run:
            asked = len(server.requests)
            if isinstance(provider, OpenAILLMProvider):
                await ask(run)
            elif isinstance(provider, OpenAITTSProvider):
                await run.send(TTSSpeakFrame("Yes."))
            else:
                await speak_to(run)
            async with asyncio.timeout(5):
                while len(server.requests) == asked:  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.005)
            began = time.perf_counter()
        assert time.perf_counter() - began < 3
