"""Deepgram and Cartesia through Pipecat's services, against servers that speak their protocols."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from websockets.asyncio.server import ServerConnection

from tests.integration.services.cloud_servers import SPEECH, Cartesia, websocket_server
from voice_agent.core.agent import Agent
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.cartesia import CartesiaProvider
from voice_agent.services.provider import Provider, ProviderOptions
from voice_agent.services.tls_context import TLS_CONTEXT
from voice_agent.testing.service_run import ServiceRun
from voice_agent.tls import prepare_tls

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello", language="de-DE")


@pytest.fixture
async def pool() -> AsyncIterator[WarmServicePool]:
    pool = WarmServicePool()
    yield pool
    await pool.close()


async def leg(pool: WarmServicePool, provider: Provider) -> ServiceRun:
    lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
    return ServiceRun(provider.build(AGENT, lease))


async def test_cartesia_speaks_with_the_voice_model_and_language_that_are_set(
    pool: WarmServicePool,
) -> None:
    asked: list[dict[str, object]] = []
    keys: list[str | None] = []

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        keys.append(connection.request.headers.get("X-API-Key"))
        async for text in connection:
            request = json.loads(text)
            if request.get("transcript"):
                asked.append(request)
                context = {"context_id": request["context_id"]}
                data = base64.b64encode(SPEECH).decode()
                await connection.send(json.dumps({"type": "chunk", "data": data, **context}))
                await connection.send(json.dumps({"type": "done", **context}))

    async with websocket_server(handle) as url:
        options = ProviderOptions(api_key="key", voice="voice-id", base_url=url)
        async with await leg(pool, CartesiaProvider(options)) as run:
            await run.send(TTSSpeakFrame("Guten Tag."))
            await run.wait_for(TTSStoppedFrame)
            assert b"".join(frame.audio for frame in run.of(TTSAudioRawFrame)) == SPEECH
    assert keys == ["key"]
    assert asked[0]["voice"] == {"mode": "id", "id": "voice-id"}
    assert asked[0]["model_id"] == "sonic-3.6"
    assert asked[0]["language"] == "de"
    assert asked[0]["output_format"] == {
        "container": "raw",
        "encoding": "pcm_s16le",
        "sample_rate": 24_000,
    }


async def test_cartesia_says_what_its_settings_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    # The settings decide where that goes: not to a server that was set for one stage.
    monkeypatch.setenv("CARTESIA_API_KEY", "usual")
    key, voice = await CartesiaProvider(ProviderOptions()).check()
    assert "CARTESIA_API_KEY" in key
    assert "VOICE_AGENT_TTS_VOICE" in voice
    assert not await CartesiaProvider(ProviderOptions(voice="voice-id", api_key="key")).check()


async def test_deepgram_hears_in_the_agents_language(pool: WarmServicePool) -> None:
    pytest.importorskip("deepgram", reason="pip install 'pipecat-ai[deepgram]'")
    from voice_agent.services.deepgram import DeepgramProvider

    asked: list[dict[str, list[str]]] = []
    heard = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(parse_qs(urlsplit(connection.request.path).query))
        async for message in connection:
            if isinstance(message, bytes) and not heard.is_set():
                heard.set()
                word = {"word": "guten", "start": 0, "end": 0.1, "confidence": 1}
                best = {"transcript": "Guten Tag", "confidence": 1, "words": [word]}
                result = {
                    "type": "Results",
                    "channel_index": [0, 1],
                    "duration": 0.1,
                    "start": 0,
                    "is_final": True,
                    "speech_final": True,
                    "channel": {"alternatives": [best]},
                    "metadata": {
                        "request_id": "r",
                        "model_uuid": "m",
                        "model_info": {"name": "n", "version": "1", "arch": "a"},
                    },
                }
                await connection.send(json.dumps(result))

    async with websocket_server(handle) as url:
        options = ProviderOptions(api_key="key", base_url=url)
        async with await leg(pool, DeepgramProvider(options)) as run:
            await run.send(InputAudioRawFrame(bytes(3200), 16_000, 1))
            transcript = await run.wait_for(TranscriptionFrame)
            assert transcript.text == "Guten Tag"
    assert asked[0]["model"] == ["nova-3-general"]
    assert asked[0]["language"] == ["de-DE"]
    assert asked[0]["sample_rate"] == ["16000"]


async def test_deepgram_says_what_its_settings_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("deepgram", reason="pip install 'pipecat-ai[deepgram]'")
    from voice_agent.services.deepgram import DeepgramProvider

    monkeypatch.setenv("DEEPGRAM_API_KEY", "usual")
    (problem,) = await DeepgramProvider(ProviderOptions()).check()
    assert "DEEPGRAM_API_KEY" in problem
    assert not await DeepgramProvider(ProviderOptions(api_key="key")).check()


async def test_cartesia_is_reached_over_tls_with_the_context_that_is_shared(
    pool: WarmServicePool, tmp_path: Path
) -> None:
    files = prepare_tls("self-signed", tmp_path, ["127.0.0.1"], datetime.now(UTC))
    of_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    of_server.load_cert_chain(files.certificate, files.key)

    async def create() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=files.certificate)

    cartesia = Cartesia()
    async with websocket_server(cartesia, tls=of_server) as url:
        provider = CartesiaProvider(ProviderOptions(api_key="key", voice="v", base_url=url))
        lease = await pool.lease([replace(TLS_CONTEXT, create=create)], timeout_s=10)
        async with ServiceRun(provider.build(AGENT, lease)) as run:
            await run.send(TTSSpeakFrame("Guten Tag."))
            await run.wait_for(TTSStoppedFrame)
    assert cartesia.said == ["Guten Tag."]


@pytest.mark.alone
async def test_building_a_leg_never_holds_the_event_loop(pool: WarmServicePool) -> None:
    pytest.importorskip("deepgram", reason="pip install 'pipecat-ai[deepgram]'")
    from voice_agent.services.deepgram import DeepgramProvider

    options = ProviderOptions(api_key="key", voice="voice-id")
    for provider in (DeepgramProvider(options), CartesiaProvider(options)):
        lease = await pool.lease(provider.resources(AGENT), timeout_s=10)
        provider.build(AGENT, lease)
        taken = []
        for _ in range(5):
            began = time.thread_time()
            provider.build(AGENT, lease)
            taken.append(time.thread_time() - began)
        assert min(taken) < 0.003
