"""Conversations with the real server: the embedded profile, real speech, real sockets."""

import subprocess
from collections.abc import Iterator

import pytest

from voice_agent.client import (
    Call,
    Speech,
    TransportName,
    answer,
    ask,
    ask_in_writing,
    barge_in,
    greeting,
)
from voice_agent.client.events import BotInterrupted
from voice_agent.testing.running_server import RunningServer, serving

BOTH = pytest.mark.parametrize("transport", list(TransportName))
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def saturday(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    path = tmp_path_factory.mktemp("speech") / "saturday.wav"
    text = "What are your opening hours on Saturday?"
    subprocess.run(["flite", "-voice", "awb", "-t", text, "-o", path], check=True)
    return Speech.from_file(path)


@BOTH
async def test_a_spoken_question_is_understood_and_answered(
    server: RunningServer, saturday: Speech, transport: TransportName
) -> None:
    async with Call(server.url, transport=transport, agent="frontdesk") as call:
        hello = await greeting(call, within_s=PATIENCE_S)
        got = await ask(call, saturday, PATIENCE_S)

    assert hello is not None
    assert hello.text == "Hello, this is the front desk. How can I help?"
    assert "saturday" in got.user_text.lower()
    assert "nine to six" in got.text
    assert 1.0 < got.ended_at - got.first_audio_at < 10.0
    assert call.ended is not None
    assert call.ended.by_caller


@BOTH
async def test_the_bot_falls_silent_when_it_is_spoken_over(
    server: RunningServer, saturday: Speech, transport: TransportName
) -> None:
    async with Call(server.url, transport=transport) as call:
        began = await call.until(
            lambda: call.heard.onset_after(call.started_at), PATIENCE_S, "the greeting"
        )
        await call.until(lambda: True if call.horizon > began + 0.4 else None, 5.0, "a few words")
        measured = await barge_in(call, saturday, PATIENCE_S)
        await call.wait_for(BotInterrupted, 1.0, after=0)
        (utterance,) = call.utterances
        said_until = await utterance.voice_ended()
        got = await answer(call, measured.onset_at, said_until, PATIENCE_S)

    assert measured.silent_at > measured.onset_at > began
    assert measured.latency_s < 5, "the figure is the benchmark's; a busy machine is slower"
    assert "nine to six" in got.text, "what was said over the bot is answered"


async def test_a_typed_question_is_answered_aloud(server: RunningServer) -> None:
    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        await greeting(call, within_s=PATIENCE_S)
        got = await ask_in_writing(call, "When are you open?", PATIENCE_S)

    assert got.user_text == "When are you open?"
    assert "nine to six" in got.text


async def test_the_server_chooses_when_the_caller_does_not(server: RunningServer) -> None:
    async with Call(server.url) as call:
        assert call.transport is not None
        assert call.attempts == []
        assert await greeting(call, within_s=PATIENCE_S) is not None
