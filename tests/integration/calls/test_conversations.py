"""Whole conversations: real speech, the embedded profile, real sockets, both transports."""

import asyncio
from itertools import product

import pytest

from tests.integration.calls.conftest import end_of
from voice_agent.bench.answers import BOTH, Caller, ask_questions
from voice_agent.bench.callers import FLITE_VOICES
from voice_agent.client import (
    Call,
    Speech,
    TransportName,
    ask,
    ask_in_writing,
    barge_in,
    bot_finished,
    greeting,
)
from voice_agent.client.events import BotInterrupted
from voice_agent.testing.running_server import RunningServer

PATIENCE_S = 30.0
pytestmark = pytest.mark.real_time  # speech in real time, in and out; so both transports at once


async def test_a_caller_is_greeted_asks_twice_and_types_once(
    server: RunningServer, saturday: Speech, parking: Speech
) -> None:
    await asyncio.gather(*(_converse(server, kind, saturday, parking) for kind in TransportName))


async def _converse(
    server: RunningServer, transport: TransportName, saturday: Speech, parking: Speech
) -> None:
    async with Call(server.url, transport=transport, timeout_s=PATIENCE_S) as call:
        hello = await greeting(call, within_s=PATIENCE_S)
        first = await ask(call, saturday, PATIENCE_S)
        second = await ask(call, parking, PATIENCE_S)
        typed = await ask_in_writing(call, "Do you have wifi?", PATIENCE_S)
        assert call.session_id is not None
        spoke = [line.speaker for line in call.transcript]
    assert hello is not None
    assert "front desk" in hello.text
    assert "nine to six" in first.text
    assert "garage" in second.text
    assert typed.user_text == "Do you have wifi?"
    assert "Harbor Guest" in typed.text
    for heard in (hello, first, second, typed):
        assert heard.ended_at - heard.first_audio_at > 1, "it could be heard, too"
    assert spoke.count(spoke[-1]) >= 4
    assert await end_of(server, call.session_id) == "client_left"


async def test_speaking_over_the_agent_silences_it_and_the_call_goes_on(
    server: RunningServer, interruption: Speech
) -> None:
    await asyncio.gather(*(_interrupt(server, kind, interruption) for kind in TransportName))


async def _interrupt(server: RunningServer, transport: TransportName, interruption: Speech) -> None:
    async with Call(
        server.url, transport=transport, agent="storyteller", timeout_s=PATIENCE_S
    ) as call:
        await greeting(call, within_s=PATIENCE_S)
        typed_at = await call.type_text("Tell me a long story")
        began = await call.until(lambda: call.heard.onset_after(typed_at), PATIENCE_S, "the story")
        await call.until(lambda: call.horizon > began + 1 or None, PATIENCE_S, "some of it")
        cut = await barge_in(call, interruption)
        assert cut.bot_audible_s > 0
        await call.wait_for(BotInterrupted, PATIENCE_S, after=cut.onset_at)
        reply = await call.until(
            lambda: call.heard.onset_after(cut.silent_at), PATIENCE_S, "a reply to what was said"
        )
        await bot_finished(call, reply)
        got = await ask_in_writing(call, "Excuse me I would like to ask something else", PATIENCE_S)
    assert got.text == "Of course."


async def test_many_talk_at_once_and_each_gets_his_own_answer(server: RunningServer) -> None:
    questions = {"Where can I park?": "garage", "Do you have wifi?": "harbor guest"}
    callers = [
        Caller(BOTH[number % 2], FLITE_VOICES[0], [question])
        for number, question in enumerate(list(questions) * 3)
    ]
    answers = await ask_questions(server.url, callers, at_once=len(callers))
    assert not answers.failures
    assert len(answers.asked) == len(callers)
    right = [each for each in answers.asked if questions[each.question] in each.answer.lower()]
    assert len(right) >= len(callers) - 1, "the recogniser may mishear one"


async def test_who_only_types_needs_no_microphone(server: RunningServer) -> None:
    ways = product(TransportName, (True, False))
    await asyncio.gather(*(_type_only(server, *way) for way in ways))


async def _type_only(server: RunningServer, transport: TransportName, microphone: bool) -> None:
    async with Call(
        server.url, transport=transport, microphone=microphone, timeout_s=PATIENCE_S
    ) as call:
        await greeting(call, within_s=PATIENCE_S)
        got = await ask_in_writing(call, "Where can I park?", PATIENCE_S)
    assert "garage" in got.text
