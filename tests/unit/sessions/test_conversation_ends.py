"""Whole conversations: limits, timeouts and how sessions end."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.sessions.limited_desk import AGENT, POLICY, REPLIES, elapsed, leg_ends, states
from voice_agent.core.errors import (
    AgentNotFoundError,
    AtCapacityError,
    SessionNotFoundError,
)
from voice_agent.core.events import LegEnded
from voice_agent.core.session import EndReason, SessionState
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import CloseReason

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def harness() -> ConversationHarness:
    return ConversationHarness(AGENT, replies=REPLIES, policy=POLICY)


async def test_nobody_connects_and_the_session_ends(harness: ConversationHarness) -> None:
    async with harness:
        began = harness.clock.monotonic()
        kept = await harness.ended(await harness.create(), within_s=60)
        assert elapsed(harness, began) == pytest.approx(45, abs=0.1)
    assert kept.end_reason is EndReason.NEVER_CONNECTED
    assert states(harness) == ["created", "ended"]


async def test_nobody_comes_back_and_the_session_ends(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await call.vanish()
        began = harness.clock.monotonic()
        kept = await harness.ended(session_id, within_s=90)
        assert elapsed(harness, began) == pytest.approx(60, abs=0.1)
        assert kept.end_reason is EndReason.CONNECTION_LOST
        late = await harness.call(session_id)
        assert await late.closed_by_server() is CloseReason.NORMAL
        assert (await harness.read(session_id)).state is SessionState.ENDED


async def test_a_session_that_cannot_be_resumed_ends_with_its_connection(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = (await harness.sessions.create(resumable=False)).session_id
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await call.vanish()
        kept = await harness.ended(session_id, within_s=5)
    assert kept.end_reason is EndReason.CONNECTION_LOST


async def test_the_longest_duration_ends_the_call(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        began = harness.clock.monotonic()
        await call.agent_finishes("Hello.")
        while call.close_reason is None:
            await call.say("Where are you?")
            await asyncio.sleep(50)
        kept = await harness.ended(session_id)
    assert call.close_reason is CloseReason.MAX_DURATION
    assert kept.end_reason is EndReason.MAX_DURATION
    ended = next(event for event in harness.events if isinstance(event.payload, LegEnded))
    assert ended.monotonic_time - began == pytest.approx(600, abs=0.5)


async def test_the_longest_duration_counts_over_all_legs(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        first = await harness.call(session_id)
        began = harness.clock.monotonic()
        for _ in range(5):
            await first.say("Where are you?")
            await asyncio.sleep(100)
        await first.vanish()
        await asyncio.sleep(40)
        second = await harness.call(session_id)
        assert await second.closed_by_server(within_s=100) is CloseReason.MAX_DURATION
        assert elapsed(harness, began) == pytest.approx(600, abs=0.5)


async def test_a_call_in_which_nobody_speaks_ends(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        began = harness.clock.monotonic()
        assert await call.closed_by_server(within_s=130) is CloseReason.IDLE
        assert elapsed(harness, began) == pytest.approx(120, abs=1)
        assert (await harness.ended(session_id)).end_reason is EndReason.IDLE


async def test_whoever_speaks_or_types_is_not_idle(harness: ConversationHarness) -> None:
    async with harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        for _ in range(2):
            await asyncio.sleep(100)
            await call.say("Where are you?")
            await asyncio.sleep(100)
            call.type("Are you open?")
        assert call.close_reason is None


async def test_a_session_can_be_ended_from_outside(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await harness.sessions.end(session_id)
        assert call.close_reason is CloseReason.NORMAL
        kept = await harness.read(session_id)
        assert (kept.state, kept.end_reason) == (SessionState.ENDED, EndReason.REQUESTED)
        await harness.sessions.end(session_id)
        assert await harness.read(session_id) == kept
        with pytest.raises(SessionNotFoundError):
            await harness.sessions.end("nobody")


async def test_ending_a_session_just_as_it_is_displaced_ends_the_newer_call_too(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        older = await harness.call(session_id)
        await older.agent_finishes("Hello.")
        newer = await harness.call(session_id)
        assert await older.closed_by_server() is CloseReason.DISPLACED
        assert leg_ends(harness) == []
        await harness.sessions.end(session_id)
        assert newer.close_reason is CloseReason.NORMAL
        assert harness.sessions.live_count == 0


async def test_a_server_that_stops_ends_every_call_and_takes_no_more(
    harness: ConversationHarness,
) -> None:
    async with harness:
        talking, fresh, waiting = [await harness.create() for _ in range(3)]
        first, second = await harness.call(talking), harness.connect(fresh)
        await first.agent_says("Hello.")
        await harness.sessions.close()
        assert first.close_reason is CloseReason.SERVER_STOPPING
        assert second.close_reason is not None
        ends = [(await harness.read(session_id)).end_reason for session_id in (talking, waiting)]
        assert ends == [EndReason.SERVER_STOPPED] * 2
        assert harness.sessions.live_count == 0
        with pytest.raises(AtCapacityError):
            await harness.create()


async def test_a_full_host_takes_no_more_until_one_is_over(harness: ConversationHarness) -> None:
    async with harness:
        sessions = [await harness.create() for _ in range(3)]
        with pytest.raises(AtCapacityError, match="3"):
            await harness.create()
        await harness.sessions.end(sessions[0])
        assert await harness.create()


async def test_a_refusal_speaks_of_the_whole_host() -> None:
    policy = replace(POLICY, max_sessions=1, host_sessions=8)
    async with ConversationHarness(AGENT, replies=REPLIES, policy=policy) as harness:
        await harness.create()
        with pytest.raises(AtCapacityError, match="all 8 sessions of this host"):
            await harness.create()


async def test_an_unknown_agent_has_no_sessions(harness: ConversationHarness) -> None:
    async with harness:
        with pytest.raises(AgentNotFoundError):
            await harness.create("nobody")
        assert harness.sessions.live_count == 0


async def test_sessions_keep_their_own_agents_and_do_not_mix() -> None:
    shop = replace(AGENT, id="shop", greeting="This is the shop.")
    async with ConversationHarness(AGENT, shop, replies=REPLIES) as harness:
        one, two = (
            await harness.call(),
            await harness.call(await harness.create("shop")),
        )
        await asyncio.gather(one.agent_finishes("Hello."), two.agent_finishes("This is the shop."))
        await asyncio.gather(one.say("Are you open?"), two.say("Where are you?"))
        await asyncio.gather(
            one.agent_finishes("On Sunday we are closed."), two.agent_finishes("By the river.")
        )
        assert (one.heard, two.heard) == (
            "Hello. From nine to six. On Sunday we are closed.",
            "This is the shop. By the river.",
        )
