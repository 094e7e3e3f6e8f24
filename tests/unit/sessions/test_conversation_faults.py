"""Whole conversations in which something breaks."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.events import ErrorOccurred, LegEnded, LegStarted, ProviderFailed
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind
from voice_agent.core.session import EndReason, SessionState
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.script import Failure, Hang
from voice_agent.testing.scripted_hearing import LoudnessAnalyzer
from voice_agent.testing.scripted_llm import ScriptedLLM
from voice_agent.testing.scripted_stt import ScriptedSTT
from voice_agent.testing.scripted_tts import ScriptedTTS
from voice_agent.transports.base import CloseReason

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
REPLIES = {"open": "From nine to six.", "where": "By the river."}
POLICY = SessionPolicy(default_agent=AGENT.id, max_sessions=10, resume_window_s=60)


async def test_a_model_that_fails_once_costs_one_answer() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        harness.llm.fail_next(Failure("too busy"))
        await call.say("Are you open?")
        await harness.until(
            lambda: bool(harness.payloads(ProviderFailed)), "the failure to be told"
        )
        (failure,) = harness.payloads(ProviderFailed)
        assert (failure.message, failure.permanent) == ("too busy", False)
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")


async def test_a_model_that_fails_for_good_ends_the_leg_and_the_next_one_works() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES, policy=POLICY) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        harness.llm.fail_next(Failure("the key was revoked", permanent=True))
        await call.say("Are you open?")
        assert await call.closed_by_server() is CloseReason.FAILED
        assert ("the key was revoked", True) in [
            (failure.message, failure.permanent) for failure in harness.payloads(ProviderFailed)
        ]
        await asyncio.sleep(0.1)
        assert (await harness.read(session_id)).state is SessionState.SUSPENDED
        again = await harness.call(session_id)
        await again.say("Where are you?")
        await again.agent_finishes("By the river.")
        assert [turn.text for turn in (await harness.read(session_id)).conversation.turns] == [
            "Hello.",
            "Are you open?",
            "Where are you?",
            "By the river.",
        ]


async def test_a_leg_whose_ears_fail_ends_and_the_next_one_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ConversationHarness(AGENT, replies=REPLIES, policy=POLICY) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        with monkeypatch.context() as broken:
            broken.setattr(LoudnessAnalyzer, "analyze_audio", AsyncMock(side_effect=BufferError))
            call.open_microphone()
            assert await call.closed_by_server() is CloseReason.FAILED
        again = await harness.call(session_id)
        await again.say("Where are you?")
        await again.agent_finishes("By the river.")


async def test_a_model_that_hangs_is_left_by_speaking_again() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        harness.llm.fail_next(Hang())
        await call.say("Are you open?")
        await asyncio.sleep(20)
        assert call.heard == "Hello."
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")


async def test_a_call_whose_model_hangs_can_be_hung_up() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        harness.llm.fail_next(Hang())
        await call.say("Are you open?")
        await asyncio.sleep(5)
        await call.leave()
        kept = await harness.ended(session_id, within_s=5)
        assert kept.end_reason is EndReason.CLIENT_LEFT


async def test_a_voice_that_fails_once_costs_one_sentence() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        harness.tts.fail_next(Failure("no voice"))
        call = await harness.call()
        await harness.until(
            lambda: bool(harness.payloads(ProviderFailed)), "the failure to be told"
        )
        await asyncio.sleep(5)
        assert call.heard == ""
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")
        assert "Hello." not in [turn.text for turn in (await harness.read()).conversation.turns]


async def test_a_voice_that_fails_for_good_ends_the_leg() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES, policy=POLICY) as harness:
        harness.tts.fail_next(Failure("the voice is gone", permanent=True))
        call = await harness.call()
        assert await call.closed_by_server() is CloseReason.FAILED
        await asyncio.sleep(0.1)
        assert (await harness.read()).state is SessionState.SUSPENDED


async def test_a_recogniser_that_fails_once_costs_one_turn() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        harness.stt.fail_next(Failure("lost the thread"))
        await call.say("Are you open?")
        await asyncio.sleep(8)
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")


async def test_a_slow_recogniser_is_waited_for() -> None:
    stt = ScriptedSTT(latency_s=1.5)
    async with ConversationHarness(AGENT, replies=REPLIES, stt=stt) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")
        assert len(harness.llm.requests) == 1


async def test_a_failed_leg_of_a_session_that_cannot_resume_ends_it() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES) as harness:
        session_id = (await harness.sessions.create(resumable=False)).session_id
        harness.tts.fail_next(Failure("the voice is gone", permanent=True))
        await harness.call(session_id)
        assert (await harness.ended(session_id)).end_reason is EndReason.FAILED


async def test_what_a_leg_needs_is_lent_for_its_time_only() -> None:
    async def create() -> object:
        return object()

    key = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "recogniser")
    stt = ScriptedSTT(needs=(Resource(key, create),))
    async with ConversationHarness(AGENT, stt=stt) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        in_use = {row.key: row.in_use for row in harness.pool.statistics()}
        assert in_use[key] == 1
        await call.leave()
        await harness.ended()
        assert {row.in_use for row in harness.pool.statistics()} == {0}


async def test_a_refused_lease_closes_the_connection_with_an_invitation_to_come_again() -> None:
    is_ready = False

    async def create() -> object:
        if not is_ready:
            raise PoolRefusedError("all recognisers are taken; try again")
        return object()

    key = ResourceKey(ResourceKind.EXCLUSIVE, "stt", "recogniser")
    stt = ScriptedSTT(needs=(Resource(key, create),))
    async with ConversationHarness(AGENT, stt=stt, policy=POLICY) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        assert await call.closed_by_server() is CloseReason.TRY_AGAIN_LATER
        assert call.played == []
        assert harness.payloads(ErrorOccurred) == [
            ErrorOccurred("pool_refused", "all recognisers are taken; try again")
        ]
        is_ready = True
        again = await harness.call(session_id)
        await again.agent_finishes("Hello.")


async def test_a_lease_that_does_not_come_is_given_up() -> None:
    async def create() -> object:
        await asyncio.sleep(3600)
        return object()

    tts = ScriptedTTS(needs=(Resource(ResourceKey(ResourceKind.SHARED, "tts", "slow"), create),))
    async with ConversationHarness(AGENT, tts=tts, policy=POLICY) as harness:
        began = harness.clock.monotonic()
        call = await harness.call()
        assert await call.closed_by_server() is CloseReason.TRY_AGAIN_LATER
        assert harness.clock.monotonic() - began == pytest.approx(10, abs=0.1)


async def test_nobody_waits_for_a_lease_that_is_not_wanted_any_more() -> None:
    async def create() -> object:
        await asyncio.sleep(8)
        return object()

    tts = ScriptedTTS(needs=(Resource(ResourceKey(ResourceKind.SHARED, "tts", "slow"), create),))
    async with ConversationHarness(AGENT, tts=tts, policy=POLICY) as harness:
        began = harness.clock.monotonic()
        session_id = (await harness.sessions.create(resumable=False)).session_id
        call = await harness.call(session_id)
        await asyncio.sleep(1)
        await call.leave()
        await harness.ended(session_id)
        assert harness.clock.monotonic() - began < 1.5
        assert {row.in_use for row in harness.pool.statistics()} == {0}


async def test_a_pipeline_that_cannot_be_built_fails_that_leg_only() -> None:
    class Unbuildable(ScriptedLLM):
        is_broken = True

        def build(self, *arguments: Any) -> Any:
            if self.is_broken:
                raise LookupError("no such model")
            return super().build(*arguments)

    llm = Unbuildable(REPLIES)
    async with ConversationHarness(AGENT, llm=llm, policy=POLICY) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        assert await call.closed_by_server() is CloseReason.FAILED
        assert [error.code for error in harness.payloads(ErrorOccurred)] == ["leg_failed"]
        assert {row.in_use for row in harness.pool.statistics()} == {0}
        llm.is_broken = False
        again = await harness.call(session_id)
        await again.agent_finishes("Hello.")


async def test_many_rude_calls_leave_nothing_behind() -> None:
    async with ConversationHarness(AGENT, replies=REPLIES, pool=WarmServicePool()) as harness:
        before = len(asyncio.all_tasks())
        for number in range(20):
            session_id = (await harness.sessions.create(resumable=False)).session_id
            call = await harness.call(session_id)
            await asyncio.sleep(number * 0.11)
            if number % 2:
                await call.vanish()
            else:
                await call.say("Are you open?")
                await call.leave()
            await harness.ended(session_id)
        await asyncio.sleep(1)
        assert len(asyncio.all_tasks()) == before
        assert harness.sessions.live_count == 0
        assert {row.in_use for row in harness.pool.statistics()} == {0}
        assert len(harness.payloads(LegStarted)) == len(harness.payloads(LegEnded))
