"""Calls that go well, over both transports, against a server that speaks the wire."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.integration.client.bot_script import Script
from tests.integration.client.conftest import Serve
from tests.integration.client.wire_server import Behaviour
from voice_agent.client import (
    Call,
    Speech,
    TransportName,
    ask,
    ask_in_writing,
    barge_in,
    greeting,
)
from voice_agent.client.events import BotInterrupted, BotReady, BotStartedSpeaking, Speaker

BOTH = pytest.mark.parametrize("transport", list(TransportName))


@BOTH
async def test_a_conversation(serve: Serve, question: Speech, transport: TransportName) -> None:
    server = await serve()

    async with Call(server.url, transport=transport, agent="frontdesk") as call:
        hello = await greeting(call)
        answered = await ask(call, question)

    assert server.seen.wishes[0]["agent"] == "frontdesk"
    assert server.seen.wishes[0]["transport"] == transport
    expected = "secret" if transport is TransportName.WEBSOCKET else "Bearer secret"
    assert server.seen.authorizations == [expected]
    assert (call.session_id, call.transport) == ("s1", transport)
    assert call.started_at < call.connected_at <= call.ready_at
    assert hello is not None
    assert hello.text == "Hello."
    assert 0.1 < hello.ended_at - hello.first_audio_at < 1.5
    assert (answered.user_text, answered.text) == ("what", "Yes.")
    assert 0.1 < answered.ended_at - answered.first_audio_at < 1.5
    # The bot waits 0.2 s for more speech; a busy machine adds what it likes.
    assert 0.18 < answered.latency_s < 6
    assert [(line.speaker, line.text) for line in call.transcript] == [
        (Speaker.BOT, "Hello."),
        (Speaker.USER, "what"),
        (Speaker.BOT, "Yes."),
    ]


@BOTH
async def test_a_typed_turn_is_answered(serve: Serve, transport: TransportName) -> None:
    server = await serve()

    async with Call(server.url, transport=transport) as call:
        await greeting(call)
        answered = await ask_in_writing(call, "good morning")

    assert (answered.user_text, answered.text) == ("good morning", "You wrote.")
    assert server.seen.bots[0].received[-1]["data"]["content"] == "good morning"


@BOTH
async def test_a_microphone_never_falls_silent_and_keeps_the_pace(
    serve: Serve, transport: TransportName
) -> None:
    server = await serve()

    async with Call(server.url, transport=transport) as call:
        bot = server.seen.bots[0]
        first = await call.until(lambda: bot.packets or None, 2.0, "a first packet")
        before = call.horizon
        await call.until(lambda: bot.packets >= first + 50 or None, 3.0, "fifty more")
        took = call.horizon - before

    assert 0.7 < took < 2.0


@pytest.mark.parametrize("interruption", ["bot-interrupted", "user-started-speaking", ""])
async def test_an_interruption_empties_the_player_of_a_websocket(
    serve: Serve, question: Speech, interruption: str
) -> None:
    script = Script(greeting_s=5.0, in_one_burst=True, interruption=interruption)
    server = await serve(Behaviour(script))

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        await call.wait_for(BotStartedSpeaking, 2.0, after=0)
        await call.until(lambda: call.heard.received_s >= 5.0 or None, 2.0, "all of the speech")
        begun = call.heard.onset_after(0)
        measured = await barge_in(call, question, gap_s=0.3)

    assert begun is not None
    assert measured.silent_at - begun < 3.5, "the rest of the five seconds was not played"
    assert 0.0 < measured.latency_s < 5
    assert measured.bot_audible_s == pytest.approx(measured.latency_s, abs=0.05)
    played = sum(len(stretch.samples) for stretch in call.heard.played) / 24000
    assert played < 4.5


async def test_barge_in_over_webrtc_is_timed_by_what_arrives(
    serve: Serve, question: Speech
) -> None:
    server = await serve(Behaviour(Script(greeting_s=5.0, interruption="bot-interrupted")))

    async with Call(server.url, transport=TransportName.WEBRTC) as call:
        onset = await call.until(lambda: call.heard.onset_after(0), 2.0, "the greeting")
        measured = await barge_in(call, question, gap_s=0.3)
        interrupted = await call.wait_for(BotInterrupted, 1.0, after=0)

    assert onset < measured.onset_at < measured.silent_at
    assert measured.latency_s < 5
    assert measured.silent_at < interrupted.at + 1.0


@BOTH
async def test_both_sides_are_recorded_on_one_time_line(
    serve: Serve, question: Speech, transport: TransportName, tmp_path: Path
) -> None:
    server = await serve()

    async with Call(server.url, transport=transport) as call:
        await greeting(call)
        answered = await ask(call, question)
    call.write_bot(tmp_path / "bot.wav")
    call.write_both(tmp_path / "both.wav")

    with wave.open(str(tmp_path / "bot.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 24000)
    with wave.open(str(tmp_path / "both.wav")) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    (user_starts, user_ends), (_, bot_ends) = (
        np.flatnonzero(np.abs(both[:, side].astype(int)) > 800)[[0, -1]] / 24000 for side in (0, 1)
    )
    assert user_ends - user_starts == pytest.approx(0.5, abs=0.02)
    # Over WebRTC the recording goes by the sender's clock, what is heard by when it arrives.
    assert bot_ends == pytest.approx(answered.ended_at - call.connected_at, abs=0.6)
    assert user_ends < bot_ends - 0.3


async def test_events_come_as_they_happen(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBSOCKET) as call:
        first = await anext(aiter(call.events()))
        await greeting(call)

    assert isinstance(first, BotReady)
    assert call.ended is not None
    assert call.ended.by_caller
    assert call.log[-1] is call.ended


async def test_a_peer_is_told_each_second_that_the_client_is_there(serve: Serve) -> None:
    server = await serve()

    async with Call(server.url, transport=TransportName.WEBRTC) as call:
        await call.until(lambda: server.seen.pings >= 3 or None, 4.0, "three pings")
        assert 1.5 < call.horizon - call.connected_at < 4.0


async def test_webrtc_that_fails_gives_way_to_websocket(serve: Serve) -> None:
    server = await serve(Behaviour(offer_refusal=(503, {"detail": "no UDP here"})))

    async with Call(server.url) as call:
        assert call.transport is TransportName.WEBSOCKET
        assert await greeting(call) is not None

    assert [(name, str(error)) for name, error in call.attempts] == [
        (TransportName.WEBRTC, "no UDP here")
    ]


@BOTH
async def test_a_caller_comes_back_to_his_session(serve: Serve, transport: TransportName) -> None:
    server = await serve()

    async with Call(server.url, transport=transport) as first:
        await greeting(first)
    async with Call(server.url, transport=transport, invitation=first.invitation) as second:
        await greeting(second)

    assert len(server.seen.wishes) == 1, "he asked for one session"
    assert len(server.seen.authorizations) == 2, "and connected to it twice"
    assert second.session_id == first.session_id == "s1"


@BOTH
async def test_many_calls_at_once_do_not_disturb_each_other(
    serve: Serve, question: Speech, transport: TransportName
) -> None:
    servers = [await serve() for _ in range(4)]

    async def one(url: str) -> float:
        async with Call(url, transport=transport, keep_samples=False) as call:
            await greeting(call)
            return (await ask(call, question)).latency_s

    latencies = await asyncio.gather(*(one(server.url) for server in servers))

    assert all(0.15 < latency < 3.0 for latency in latencies), latencies


@BOTH
async def test_nothing_is_left_behind(serve: Serve, transport: TransportName) -> None:
    server = await serve()
    before = asyncio.all_tasks()

    async with Call(server.url, transport=transport) as call:
        await greeting(call)
    await call.close()
    await server.seen.close_codes.get()

    ours = {task for task in asyncio.all_tasks() - before if "voice_agent" in repr(task)}
    assert not ours
