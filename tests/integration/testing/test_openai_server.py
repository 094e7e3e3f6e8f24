"""The fake OpenAI server, as its users' own client sees it."""

import asyncio
import time

import pytest
from openai import (
    APIConnectionError,
    APITimeoutError,
    AsyncOpenAI,
    AuthenticationError,
    InternalServerError,
)

from voice_agent.testing.openai_server import Fault, Latency, OpenAIServer, Route, tone

QUESTION = [{"role": "user", "content": "When are you open?"}]


def client(server: OpenAIServer, key: str = "key", timeout_s: float = 5) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=server.base_url, api_key=key, max_retries=0, timeout=timeout_s)


async def ask(api: AsyncOpenAI) -> str:
    answer = await api.chat.completions.create(model="test", messages=QUESTION)  # type: ignore[arg-type]
    return answer.choices[0].message.content or ""


async def test_scripted_replies_are_given_in_order_then_the_default_one() -> None:
    async with OpenAIServer() as server, client(server) as api:
        server.replies.extend(["At nine.", "At six."])
        assert [await ask(api) for _ in range(3)] == ["At nine.", "At six.", "I heard you."]
        (first, *_) = server.requests_to(Route.CHAT)
        assert first.body["messages"] == QUESTION


async def test_latencies_are_kept() -> None:
    async with OpenAIServer() as server, client(server) as api:
        server.latency = Latency(first_token_s=0.1, transcription_s=0.1, first_audio_s=0.1)
        for call in (
            ask(api),
            api.audio.transcriptions.create(file=("a.wav", b"RIFF"), model="test"),
            api.audio.speech.create(input="Hi", model="test", voice="any"),
        ):
            began = time.perf_counter()
            await call
            assert time.perf_counter() - began >= 0.1


async def test_speech_is_a_tone_as_long_as_the_text() -> None:
    async with OpenAIServer() as server, client(server) as api:
        speech = await api.audio.speech.create(
            input="Hello there", model="test", voice="any", response_format="pcm"
        )
        assert await speech.aread() == tone("Hello there")
        assert len(tone("Hello there")) == int(11 * 0.06 * 24_000) * 2


async def test_uploads_are_recorded() -> None:
    async with OpenAIServer() as server, client(server) as api:
        server.transcripts.append("Good morning.")
        heard = await api.audio.transcriptions.create(file=("a.wav", b"RIFF..."), model="test")
        assert heard.text == "Good morning."
        (request,) = server.requests
        assert (request.file, request.body["model"]) == (b"RIFF...", "test")


async def test_faults_come_as_often_as_they_are_asked_for() -> None:
    async with OpenAIServer() as server, client(server) as api:
        server.fail_next(Route.CHAT, Fault.FAIL, times=2)
        for _ in range(2):
            with pytest.raises(InternalServerError, match="failed on purpose"):
                await ask(api)
        assert await ask(api) == "I heard you."


async def test_a_cut_transcription_is_a_broken_connection() -> None:
    async with OpenAIServer() as server, client(server) as api:
        server.fail_next(Route.TRANSCRIPTION, Fault.CUT)
        with pytest.raises(APIConnectionError):
            await api.audio.transcriptions.create(file=("a.wav", b"RIFF"), model="test")


async def test_what_hangs_ends_with_the_server_and_hinders_nobody() -> None:
    async with OpenAIServer() as server, client(server, timeout_s=0.2) as api:
        server.fail_next(Route.CHAT, Fault.HANG)
        with pytest.raises(APITimeoutError):
            await ask(api)
        assert await ask(api) == "I heard you."
        server.fail_next(Route.CHAT, Fault.HANG)
        hanging = asyncio.create_task(ask(client(server, timeout_s=30)))
        while len(server.requests) < 3:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)
    with pytest.raises(InternalServerError, match="stops"):
        await hanging


async def test_another_key_is_refused() -> None:
    async with OpenAIServer(api_key="right") as server, client(server, key="wrong") as api:
        with pytest.raises(AuthenticationError, match="wrong API key"):
            await ask(api)


async def test_models_are_listed() -> None:
    async with OpenAIServer(models=("a", "b")) as server, client(server) as api:
        assert [model.id async for model in api.models.list()] == ["a", "b"]
