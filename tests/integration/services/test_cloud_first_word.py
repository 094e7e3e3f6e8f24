"""The cloud's services let a call begin at once, and Cartesia says fixed phrases from memory."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from websockets.asyncio.server import ServerConnection

from tests.integration.services.cloud_servers import Cartesia, websocket_server
from voice_agent.bot.rehearsal import rehearse_greeting
from voice_agent.core.agent import Agent
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.cartesia import CartesiaProvider
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.remembering_provider import RememberingProvider
from voice_agent.testing.service_run import ServiceRun

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello there. How can I help?")
PATIENCE_S = 10.0


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


def voice(url: str) -> RememberingProvider:
    options = ProviderOptions(api_key="key", voice="voice-id", base_url=url)
    return RememberingProvider(CartesiaProvider(options), "cartesia", limit=10_000_000)


async def leg(pool: WarmServicePool, provider: RememberingProvider) -> ServiceRun:
    lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
    return ServiceRun(provider.build(AGENT, lease))


async def respond(run: ServiceRun, text: str) -> None:
    """Have a whole response said, as a language model's or a greeting."""
    count = len(run.of(TTSStoppedFrame)) + 1
    await run.send(LLMFullResponseStartFrame(), LLMTextFrame(text), LLMFullResponseEndFrame())
    await run.wait_for(TTSStoppedFrame, count=count)


def words(run: ServiceRun) -> list[str]:
    return [frame.text for frame in run.of(TTSTextFrame)]


def pace(run: ServiceRun) -> list[int]:
    """Return the tenths of a second at which the words begin, from the first."""
    times = [frame.pts or 0 for frame in run.of(TTSTextFrame)]
    return [round((at - times[0]) / 1e8) for at in times]


async def test_cartesia_greets_from_memory_with_the_times_of_its_words(
    pool: WarmServicePool,
) -> None:
    cartesia = Cartesia()
    async with websocket_server(cartesia) as url:
        provider = voice(url)
        await rehearse_greeting(AGENT, pool, provider)
        assert cartesia.said == ["Hello there.", "How can I help?"]
        async with await leg(pool, provider) as run:
            await respond(run, "Hello there. How can I help?")
            assert words(run) == ["Hello", "there.", "How", "can", "I", "help?"]
            assert pace(run) == [0, 1, 2, 3, 4, 5]
            assert not run.of(ErrorFrame)
        assert len(cartesia.said) == 2, "nothing more was asked for"


async def test_what_follows_a_phrase_from_memory_is_said_by_cartesia_in_its_time(
    pool: WarmServicePool,
) -> None:
    cartesia = Cartesia()
    async with websocket_server(cartesia) as url:
        provider = voice(url)
        await rehearse_greeting(AGENT, pool, provider)
        async with await leg(pool, provider) as run:
            await respond(run, "Hello there. It is nine. How can I help?")
            assert words(run) == [
                "Hello",
                "there.",
                "It",
                "is",
                "nine.",
                "How",
                "can",
                "I",
                "help?",
            ]
            assert pace(run) == list(range(9))
        assert cartesia.said[2:] == ["It is nine.", "How can I help?"]


async def test_two_texts_of_one_turn_cannot_be_told_apart_and_are_not_kept(
    pool: WarmServicePool,
) -> None:
    cartesia = Cartesia()
    async with websocket_server(cartesia) as url:
        provider = voice(url)
        async with await leg(pool, provider) as run:
            await respond(run, "Hello there. How can I help?")
            await respond(run, "Hello there. How can I help?")
        assert len(cartesia.said) == 4


async def test_an_interruption_of_what_comes_from_memory_is_none_of_cartesias_business(
    pool: WarmServicePool,
) -> None:
    cartesia = Cartesia()
    async with websocket_server(cartesia) as url:
        provider = voice(url)
        await rehearse_greeting(AGENT, pool, provider)
        before = len(cartesia.messages)
        async with await leg(pool, provider) as run:
            await run.send(LLMFullResponseStartFrame(), LLMTextFrame("Hello there. How can"))
            await run.wait_for(TTSAudioRawFrame)
            await run.send(InterruptionFrame())
            await run.wait_for(InterruptionFrame)
            await respond(run, "It is nine.")
            assert words(run)[-3:] == ["It", "is", "nine."]
        assert [m["transcript"] for m in cartesia.messages[before:]] == ["It is nine.", ""]


async def test_a_greeting_from_memory_does_not_wait_for_the_handshake(
    pool: WarmServicePool,
) -> None:
    cartesia, gate = Cartesia(), asyncio.Event()
    gate.set()
    async with websocket_server(cartesia, gate=gate) as url:
        provider = voice(url)
        await rehearse_greeting(AGENT, pool, provider)
        gate.clear()
        async with await leg(pool, provider) as run:
            await respond(run, "Hello there. How can I help?")
            assert cartesia.connections == 1
            await run.send(TTSSpeakFrame("It is nine."))
            gate.set()
            await run.wait_until(lambda: words(run)[-1] == "nine.")
            assert not run.of(ErrorFrame)


async def test_a_leg_that_ends_during_the_handshake_leaves_nothing(
    pool: WarmServicePool,
) -> None:
    cartesia, gate = Cartesia(), asyncio.Event()
    async with websocket_server(cartesia, gate=gate) as url:
        before = asyncio.all_tasks()
        async with await leg(pool, voice(url)) as run:
            await run.send(TTSSpeakFrame("It is nine."))
        left = {task.get_name() for task in asyncio.all_tasks() - before}
        gate.set()
    assert not {name for name in left if "Cartesia" in name}
    assert not cartesia.said


async def test_deepgram_hears_what_was_said_during_its_handshake(pool: WarmServicePool) -> None:
    pytest.importorskip("deepgram", reason="pip install 'pipecat-ai[deepgram]'")
    from voice_agent.services.deepgram import DeepgramProvider

    gate, heard, complete = asyncio.Event(), bytearray(), asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        async for message in connection:
            if isinstance(message, bytes):
                heard.extend(message)
                if len(heard) == 5 * 640:
                    complete.set()

    async with websocket_server(handle, gate=gate) as url:
        provider = DeepgramProvider(ProviderOptions(api_key="key", base_url=url))
        lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
        async with ServiceRun(provider.build(AGENT, lease)) as run:
            for number in range(4):
                await run.send(InputAudioRawFrame(bytes([number]) * 640, 16_000, 1))
            await run.wait_for(InputAudioRawFrame, count=4)
            assert not heard
            gate.set()
            async with asyncio.timeout(PATIENCE_S):
                await connecting()
            await run.send(InputAudioRawFrame(bytes([4]) * 640, 16_000, 1))
            async with asyncio.timeout(PATIENCE_S):
                await complete.wait()
            assert not run.of(ErrorFrame)
    assert heard == b"".join(bytes([number]) * 640 for number in range(5))


async def test_deepgram_says_when_its_key_is_refused(pool: WarmServicePool) -> None:
    pytest.importorskip("deepgram", reason="pip install 'pipecat-ai[deepgram]'")
    from voice_agent.services.deepgram import DeepgramProvider

    async def handle(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with websocket_server(handle, refuse=True) as url:
        provider = DeepgramProvider(ProviderOptions(api_key="wrong", base_url=url))
        lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
        async with ServiceRun(provider.build(AGENT, lease)) as run:
            error = await run.wait_for(ErrorFrame)
            assert "401" in error.error


async def connecting() -> None:
    """Return when the service has connected."""
    await asyncio.wait(
        {task for task in asyncio.all_tasks() if task.get_name().endswith("connecting")}
    )
