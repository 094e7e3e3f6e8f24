"""Calls whose providers speak OpenAI's protocol, over real sockets on both sides."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from voice_agent.client import Call, Speech, TransportName, ask, greeting
from voice_agent.client.events import Speaker, Transcript
from voice_agent.testing.openai_server import Fault, OpenAIServer, Route
from voice_agent.testing.running_server import RunningServer, serving

PATIENCE_S = 30.0
KEY = "a-key-that-nobody-may-see"


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIServer]:
    """The providers' server."""
    async with OpenAIServer(api_key=KEY) as running:
        yield running


@pytest.fixture
async def openai_server(openai: OpenAIServer, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A voice agent server that uses it for everything."""
    environment: dict[str, str] = {}
    for stage in ("STT", "LLM", "TTS"):
        environment[f"VOICE_AGENT_{stage}_PROVIDER"] = "openai"
        environment[f"VOICE_AGENT_{stage}_BASE_URL"] = openai.base_url
        environment[f"VOICE_AGENT_{stage}_API_KEY"] = KEY
        environment[f"VOICE_AGENT_{stage}_MODEL"] = "test"
    manager = serving(tmp_path, environment=environment)
    server = await asyncio.to_thread(manager.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


async def test_what_is_said_is_transcribed_answered_and_spoken(
    openai: OpenAIServer, openai_server: RunningServer, saturday: Speech
) -> None:
    for transport in TransportName:
        openai.transcripts.append("What are your opening hours on Saturday?")
        openai.replies.append("From nine to six.")
        async with Call(openai_server.url, transport=transport, timeout_s=PATIENCE_S) as call:
            hello = await greeting(call, within_s=PATIENCE_S)
            got = await ask(call, saturday, PATIENCE_S)
        assert hello is not None
        assert "front desk" in hello.text
        assert got.user_text == "What are your opening hours on Saturday?"
        assert got.text == "From nine to six."
    heard = openai.requests_to(Route.TRANSCRIPTION)[0]
    assert len(heard.file) > 16_000, "the speech itself was sent"
    asked = openai.requests_to(Route.CHAT)[0].body
    assert asked["messages"][-1]["content"] == "What are your opening hours on Saturday?"
    assert "Harbor House" in str(asked["messages"][0]["content"]), "the agent's instructions"
    assert len(openai.clients) < len(openai.requests), "connections are shared"
    assert KEY not in openai_server.log


async def test_an_answer_that_fails_does_not_end_the_call(
    openai: OpenAIServer, openai_server: RunningServer
) -> None:
    openai.replies.extend(["I am back."] * 3)
    async with Call(
        openai_server.url, transport=TransportName.WEBSOCKET, timeout_s=PATIENCE_S
    ) as call:
        await greeting(call, within_s=PATIENCE_S)
        openai.fail_next(Route.CHAT, Fault.CUT)
        await call.type_text("Anyone there?")
        await call.until(
            lambda: len(openai.requests_to(Route.CHAT)) >= 1 or None, PATIENCE_S, "the question"
        )
        asked_at = await call.type_text("And now?")
        await call.wait_for(
            Transcript,
            PATIENCE_S,
            after=asked_at,
            where=lambda said: said.speaker is Speaker.BOT and "I am back." in said.text,
        )
