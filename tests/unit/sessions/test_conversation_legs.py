"""Whole conversations over several connections, and how they end."""

import asyncio

import pytest

from tests.unit.sessions.limited_desk import AGENT, POLICY, REPLIES, elapsed, leg_ends, states
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.events import (
    LegStarted,
    SentenceHeard,
    TransportsPlanned,
    TransportSwitched,
)
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.memory_client import MemoryClient
from voice_agent.transports.base import CloseReason, TransportKind
from voice_agent.transports.factory import TransportStep

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def harness() -> ConversationHarness:
    return ConversationHarness(AGENT, replies=REPLIES, policy=POLICY)


async def talk(call: MemoryClient) -> None:
    """Talk until the agent has answered one question."""
    await call.agent_finishes("Hello.")
    await call.say("Are you open?")
    await call.agent_finishes("On Sunday we are closed.")


async def test_a_lost_connection_suspends_and_the_next_one_goes_on(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        first = await harness.call(session_id)
        await talk(first)
        await first.vanish()
        await harness.until(lambda: states(harness)[-1] == "suspended", "the session to suspend")

        second = await harness.call(session_id)
        await second.say("And where are you?")
        await second.agent_finishes("By the river.")
        assert second.heard == "By the river."
        assert [message["content"] for message in harness.llm.requests[-1][1:]] == [
            "Hello.",
            "Are you open?",
            "From nine to six. On Sunday we are closed.",
            "And where are you?",
        ]
        await second.leave()
        kept = await harness.ended()
    assert states(harness) == ["created", "connected", "suspended", "connected", "ended"]
    assert leg_ends(harness) == ["connection_lost", "client_left"]
    assert (kept.legs, len(kept.conversation.turns)) == (2, 5)


async def test_the_next_connection_may_be_of_another_kind(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        first = harness.connect(session_id, kind=TransportKind.WEBRTC)
        first.open_microphone()
        await first.agent_finishes("Hello.")
        await first.vanish()
        second = harness.connect(session_id, kind=TransportKind.WEBSOCKET)
        await second.say("Where are you?")
        await second.agent_finishes("By the river.")
    started = harness.payloads(LegStarted)
    assert [leg.transport for leg in started] == ["webrtc", "websocket"]
    assert len({leg.leg_id for leg in started}) == 2


async def test_a_connection_lost_in_mid_sentence_keeps_what_was_heard(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        first = await harness.call(session_id)
        await first.agent_finishes("Hello.")
        await first.say("Are you open?")
        await first.agent_says("On Sunday")
        await first.vanish()
        second = await harness.call(session_id)
        await second.say("Where are you?")
        await second.agent_finishes("By the river.")
        turn = (await harness.read(session_id)).conversation.turns[2]
    assert (turn.speaker, turn.text, turn.state) == (
        Speaker.AGENT,
        "From nine to six.",
        TurnState.INTERRUPTED,
    )


async def test_a_connection_lost_in_the_greeting_is_greeted_again(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        first = await harness.call(session_id)
        await first.until(lambda: bool(first.played), "the greeting to begin")
        await first.vanish()
        second = await harness.call(session_id)
        await second.agent_finishes("Hello.")
        assert harness.payloads(SentenceHeard) == [SentenceHeard("Hello.")]


async def test_the_checkpoint_is_written_while_the_call_runs(harness: ConversationHarness) -> None:
    async with harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await talk(call)
        await asyncio.sleep(0.1)
        kept = await harness.store.load(session_id)
        assert kept == await harness.read(session_id)
        assert [turn.text for turn in kept.conversation.turns] == [
            "Hello.",
            "Are you open?",
            "From nine to six. On Sunday we are closed.",
        ]


async def test_a_newer_attempt_displaces_the_older_which_is_told(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        older = harness.connect(session_id, attempt="one")
        older.open_microphone()
        await older.agent_finishes("Hello.")
        newer = harness.connect(session_id, attempt="two")
        newer.open_microphone()
        assert await older.closed_by_server() is CloseReason.DISPLACED
        await newer.say("Where are you?")
        await newer.agent_finishes("By the river.")
        assert leg_ends(harness) == ["displaced"]
        assert newer.close_reason is None


async def test_connections_without_an_attempt_displace_each_other(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        older = await harness.call(session_id)
        await older.agent_finishes("Hello.")
        newer = await harness.call(session_id)
        assert await older.closed_by_server() is CloseReason.DISPLACED
        await newer.say("Where are you?")
        await newer.agent_finishes("By the river.")


async def test_of_one_attempt_the_first_that_carries_gets_the_session(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        slow = harness.connect(session_id, attempt="one", kind=TransportKind.WEBRTC)
        fast = harness.connect(session_id, attempt="one")
        await asyncio.sleep(1)
        assert harness.payloads(LegStarted) == []
        fast.open_microphone()
        await fast.agent_says("Hello.")
        slow.open_microphone()
        assert await slow.closed_by_server() is CloseReason.LOST_RACE
        assert slow.played == []
        await fast.say("Where are you?")
        await fast.agent_finishes("By the river.")
        assert len(harness.payloads(LegStarted)) == 1


async def test_connections_of_one_attempt_that_carry_at_once_get_one_leg(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        racers = [harness.connect(session_id, attempt="one") for _ in range(4)]
        for racer in racers:
            racer.open_microphone()
        await asyncio.sleep(5)
        assert [racer.heard for racer in racers].count("Hello.") == 1
        assert [racer.close_reason for racer in racers].count(CloseReason.LOST_RACE) == 3


async def test_an_attempt_may_connect_again_after_its_leg_was_lost(
    harness: ConversationHarness,
) -> None:
    async with harness:
        session_id = await harness.create()
        first = harness.connect(session_id, attempt="one")
        first.open_microphone()
        await first.agent_finishes("Hello.")
        await first.vanish()
        await harness.until(lambda: bool(leg_ends(harness)), "the leg to end")
        again = harness.connect(session_id, attempt="one")
        await again.say("Where are you?")
        await again.agent_finishes("By the river.")


async def test_a_connection_that_carries_nothing_is_closed_and_costs_no_leg(
    harness: ConversationHarness,
) -> None:
    async with harness:
        began = harness.clock.monotonic()
        silent = harness.connect(await harness.create())
        assert await silent.closed_by_server() is CloseReason.SILENT
        assert elapsed(harness, began) == pytest.approx(15, abs=0.1)
        assert harness.payloads(LegStarted) == []
        assert harness.pool.statistics() == ()


async def test_each_switch_to_another_transport_is_told_with_its_reason(
    harness: ConversationHarness,
) -> None:
    plan = [
        TransportStep(TransportKind.WEBRTC, "first"),
        TransportStep(TransportKind.WEBSOCKET, ""),
    ]
    async with harness:
        session_id = (await harness.sessions.create(plan=plan)).session_id
        first = await harness.call(session_id)
        await talk(first)
        await first.vanish()
        await harness.until(lambda: states(harness)[-1] == "suspended", "the session to suspend")
        second = harness.connect(session_id, kind=TransportKind.WEBRTC)
        second.open_microphone()
        await second.say("And where are you?")
        await second.agent_finishes("By the river.")
    (planned,) = harness.payloads(TransportsPlanned)
    assert list(planned.transports) == ["webrtc", "websocket"]
    assert harness.payloads(TransportSwitched) == [
        TransportSwitched("webrtc", "websocket", "fallback"),
        TransportSwitched("websocket", "webrtc", "connection_lost"),
    ]
