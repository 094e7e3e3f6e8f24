"""Fixed phrases said from memory, made by a server that counts what it is asked for."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    MetricsFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.metrics.metrics import TTSUsageMetricsData
from pipecat.services.openai.tts import OpenAITTSSettings

from voice_agent.bot.rehearsal import rehearse_greeting
from voice_agent.core.agent import Agent
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.openai import OpenAITTSProvider
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.remembering_provider import RememberingProvider
from voice_agent.testing.openai_server import Fault, OpenAIServer, Route, tone
from voice_agent.testing.service_run import ServiceRun

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello there. How can I help?")
EDITED = Agent(id="frontdesk", name="Front desk", greeting="Good day. How can I help?")
LIMIT = 10_000_000


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


def voice(
    server: OpenAIServer, *, limit: int = LIMIT, says_only_fixed: bool = False
) -> RememberingProvider:
    made_by = OpenAITTSProvider(ProviderOptions(base_url=server.base_url))
    return RememberingProvider(made_by, "openai", limit=limit, says_only_fixed=says_only_fixed)


async def leg(
    pool: WarmServicePool, provider: RememberingProvider, agent: Agent = AGENT
) -> ServiceRun:
    lease = await pool.lease(provider.resources(agent), timeout_s=10)
    return ServiceRun(provider.build(agent, lease))


async def say(run: ServiceRun, text: str) -> None:
    count = len(run.of(TTSStoppedFrame)) + 1
    await run.send(TTSSpeakFrame(text))
    await run.wait_for(TTSStoppedFrame, count=count)


def asked(server: OpenAIServer) -> list[str]:
    return [request.body["input"] for request in server.requests_to(Route.SPEECH)]


async def test_a_fixed_phrase_is_made_once_and_comes_from_memory_just_the_same(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    runs = []
    for _ in range(3):
        async with await leg(pool, provider) as run:
            await say(run, "Hello there.")
            runs.append(run)
    assert asked(server) == ["Hello there."]
    kinds = (TTSStartedFrame, TTSAudioRawFrame, TTSTextFrame, TTSStoppedFrame)
    order = [[type(frame) for frame in run.frames if isinstance(frame, kinds)] for run in runs]
    assert order[0] == order[1] == order[2]
    for run in runs:
        assert b"".join(frame.audio for frame in run.of(TTSAudioRawFrame)) == tone("Hello there.")
        assert [frame.text for frame in run.of(TTSTextFrame)] == ["Hello there."]
        assert not run.of(ErrorFrame)


async def test_what_is_said_from_memory_is_not_counted_as_used(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    async with await leg(pool, provider) as run:
        await say(run, "Hello there.")
        await say(run, "Hello there.")
    used = [data for frame in run.of(MetricsFrame) for data in frame.data]
    assert len([data for data in used if isinstance(data, TTSUsageMetricsData)]) <= 1


async def test_a_text_that_varies_is_made_every_time(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    async with await leg(pool, provider) as run:
        for _ in range(2):
            await say(run, "It is four minutes past nine.")
    assert len(asked(server)) == 2


async def test_with_a_language_model_of_fixed_answers_all_is_kept(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server, says_only_fixed=True)
    async with await leg(pool, provider) as run:
        for _ in range(2):
            await say(run, "Sorry, that I do not know.")
    assert len(asked(server)) == 1


async def test_a_phrase_that_failed_or_was_cut_is_not_kept(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    async with await leg(pool, provider) as run:
        for fault in (Fault.FAIL, Fault.CUT):
            server.fail_next(Route.SPEECH, fault, times=1 if fault is Fault.CUT else 3)
            await run.send(TTSSpeakFrame("Hello there."))
            await run.wait_for(ErrorFrame, count=len(run.of(ErrorFrame)) + 1)
        await run.wait_until(lambda: not server._faults[Route.SPEECH])
        before = len(asked(server))
        await run.send(TTSSpeakFrame("Hello there."))
        await run.wait_until(lambda: len(asked(server)) > before)
        whole = tone("Hello there.")
        await run.wait_until(lambda: whole in b"".join(f.audio for f in run.of(TTSAudioRawFrame)))


async def test_a_phrase_that_was_interrupted_while_it_was_made_is_not_kept(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    server.fail_next(Route.SPEECH, Fault.HANG)
    async with await leg(pool, provider) as run:
        await run.send(TTSSpeakFrame("Hello there."))
        async with asyncio.timeout(10):
            while not asked(server):  # noqa: ASYNC110 - nothing tells that a request has come
                await asyncio.sleep(0.01)
        await run.send(InterruptionFrame())
        await run.wait_for(InterruptionFrame)
        await run.send(TTSSpeakFrame("Hello there."))
        await run.wait_for(TTSTextFrame)
        assert b"".join(f.audio for f in run.of(TTSAudioRawFrame)) == tone("Hello there.")
    assert len(asked(server)) == 2


async def test_another_voice_is_another_phrase(pool: WarmServicePool, server: OpenAIServer) -> None:
    provider = voice(server)
    async with await leg(pool, provider) as run:
        await say(run, "Hello there.")
        await run.send(TTSUpdateSettingsFrame(delta=OpenAITTSSettings(voice="coral")))
        await say(run, "Hello there.")
    assert [r.body["voice"] for r in server.requests_to(Route.SPEECH)] == ["alloy", "coral"]


async def test_a_rehearsed_greeting_is_there_when_the_first_call_comes(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    await rehearse_greeting(AGENT, pool, provider)
    assert asked(server) == ["Hello there.", "How can I help?"]
    async with await leg(pool, provider) as run:
        await say(run, "Hello there.")
        await say(run, "How can I help?")
    assert len(asked(server)) == 2


async def test_of_a_greeting_that_was_edited_only_the_new_words_are_made(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    await rehearse_greeting(AGENT, pool, provider)
    await rehearse_greeting(EDITED, pool, provider)
    assert asked(server) == ["Hello there.", "How can I help?", "Good day."]


async def test_a_voice_that_cannot_rehearse_stops_nothing(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server)
    server.fail_next(Route.SPEECH, Fault.FAIL, times=10)
    await rehearse_greeting(AGENT, pool, provider)
    server._faults.clear()
    async with await leg(pool, provider) as run:
        await say(run, "Hello there.")
        assert b"".join(f.audio for f in run.of(TTSAudioRawFrame)) == tone("Hello there.")


async def test_the_pool_tells_what_is_kept_and_the_bound_holds(
    pool: WarmServicePool, server: OpenAIServer
) -> None:
    provider = voice(server, limit=200_000, says_only_fixed=True)
    async with await leg(pool, provider) as run:
        for number in range(12):
            await say(run, f"Phrase number {number}.")
        await say(run, "Phrase number 11.")
    (counts,) = [each for each in pool.statistics() if each.key.purpose == "phrase"]
    assert counts.created == 12
    assert counts.reused == 1
    assert counts.retired == 12 - counts.size
    assert 0 < counts.size < 12
