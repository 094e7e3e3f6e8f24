"""Two processes and one store: who has a session, and how it goes on elsewhere."""

import asyncio

import pytest

from voice_agent.core.agent import Agent, Limits
from voice_agent.core.conversation import TurnState
from voice_agent.core.events import SessionStateChanged
from voice_agent.core.session import Checkpoint, EndReason, SessionState
from voice_agent.core.session_store import Claim
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.storage.memory_session_store import MemorySessionStore
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import CloseReason

pytestmark = pytest.mark.virtual_time

AGENT = Agent(
    id="frontdesk", name="Front desk", greeting="Hello.", limits=Limits(max_duration_s=100)
)
REPLIES = {"open": "From nine to six.", "where": "By the river."}
POLICY = SessionPolicy(default_agent=AGENT.id, max_sessions=10, resume_window_s=60)


def process(store: MemorySessionStore) -> ConversationHarness:
    return ConversationHarness(AGENT, replies=REPLIES, store=store, policy=POLICY)


async def test_another_process_goes_on_from_the_checkpoint() -> None:
    store = MemorySessionStore()
    async with process(store) as first, process(store) as second:
        session_id = await first.create()
        call = await first.call(session_id)
        await call.agent_finishes("Hello.")
        await call.say("When are you open?")
        await call.agent_finishes("From nine to six.")
        again = await second.call(session_id)
        await again.say("Where are you?")
        await again.agent_finishes("By the river.")
        assert again.heard == "By the river."
        await call.say("Are you still open?")
        assert await call.closed_by_server() is CloseReason.DISPLACED
        kept = await second.read(session_id)
        assert [turn.text for turn in kept.conversation.turns] == [
            "Hello.",
            "When are you open?",
            "From nine to six.",
            "Where are you?",
            "By the river.",
        ]
        await asyncio.sleep(0.1)
        assert first.sessions.live_count == 0
        assert SessionState.ENDED not in [
            change.state for change in first.payloads(SessionStateChanged)
        ]
        await call.leave()


async def test_what_was_used_of_the_longest_duration_goes_along() -> None:
    store = MemorySessionStore()
    async with process(store) as first, process(store) as second:
        session_id = await first.create()
        call = await first.call(session_id)
        await call.agent_finishes("Hello.")
        await asyncio.sleep(70)
        again = await second.call(session_id)
        began = second.clock.monotonic()
        assert await again.closed_by_server(within_s=60) is CloseReason.MAX_DURATION
        assert second.clock.monotonic() - began < 35


async def test_a_session_that_waits_here_and_lives_elsewhere_is_not_said_to_be_over() -> None:
    store = MemorySessionStore()
    async with process(store) as first, process(store) as second:
        session_id = await first.create()
        call = await first.call(session_id)
        await call.agent_finishes("Hello.")
        await call.vanish()
        await asyncio.sleep(5)
        again = await second.call(session_id)
        await asyncio.sleep(80)
        assert (await second.read(session_id)).state is SessionState.CONNECTED
        assert first.sessions.live_count == 0
        assert SessionState.ENDED not in [
            change.state for change in first.payloads(SessionStateChanged)
        ]
        await again.leave()


async def test_a_session_of_a_process_that_died_in_mid_sentence_is_taken_over() -> None:
    store = MemorySessionStore()
    async with process(store) as first:
        session_id = await first.create()
        call = await first.call(session_id)
        await call.agent_finishes("Hello.")
        kept = await store.load(session_id)
    assert kept.state is SessionState.CONNECTED
    left = MemorySessionStore()
    await left.create(kept, "a process that is dead")
    async with process(left) as second:
        again = await second.call(session_id)
        await again.say("Where are you?")
        await again.agent_finishes("By the river.")
        first_turn = (await second.read(session_id)).conversation.turns[0]
        assert (first_turn.text, first_turn.state) == ("Hello.", TurnState.COMPLETE)


async def test_a_session_that_is_over_or_never_was_is_not_taken_over() -> None:
    store = MemorySessionStore()
    async with process(store) as first, process(store) as second:
        session_id = await first.create()
        await first.sessions.end(session_id)
        for wanted in (session_id, "no-such-session"):
            late = await second.call(wanted)
            assert await late.closed_by_server() is CloseReason.NORMAL
        assert second.sessions.live_count == 0


async def test_a_store_that_hangs_holds_up_neither_the_end_nor_the_stop() -> None:
    class HangingStore(MemorySessionStore):
        hangs = False

        async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
            if self.hangs:
                await asyncio.sleep(3600)
            await super().checkpoint(claim, checkpoint)

        async def release(self, claim: Claim) -> None:
            if self.hangs:
                raise OSError("gone")
            await super().release(claim)

    store = HangingStore()
    async with process(store) as harness:
        call = await harness.call()
        await call.agent_finishes("Hello.")
        store.hangs = True
        await call.leave()
        began = harness.clock.monotonic()
        await harness.sessions.close()
        assert harness.clock.monotonic() - began < 30
        assert harness.sessions.live_count == 0


async def test_what_a_failing_store_missed_is_written_when_it_is_back() -> None:
    class BrokenStore(MemorySessionStore):
        is_broken = False

        async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
            if self.is_broken:
                raise OSError("the disk is full")
            await super().checkpoint(claim, checkpoint)

    store = BrokenStore()
    async with process(store) as harness:
        session_id = await harness.create()
        store.is_broken = True
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await asyncio.sleep(1)
        assert (await store.load(session_id)).conversation.is_empty
        store.is_broken = False
        await asyncio.sleep(5)
        assert not (await store.load(session_id)).conversation.is_empty


async def test_a_session_that_was_being_created_when_the_server_stopped_is_not_left() -> None:
    class SlowStore(MemorySessionStore):
        async def create(self, checkpoint: Checkpoint, owner: str) -> Claim:
            await asyncio.sleep(1)
            return await super().create(checkpoint, owner)

    store = SlowStore()
    async with process(store) as harness:
        creating = asyncio.create_task(harness.create())
        await asyncio.sleep(0.5)
        await harness.sessions.close()
        await asyncio.gather(creating, return_exceptions=True)
        assert creating.exception() is not None
        assert (harness.sessions.live_count, store._entries) == (0, {})


async def test_who_comes_while_the_session_ends_is_sent_away() -> None:
    class SlowStore(MemorySessionStore):
        async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
            await asyncio.sleep(0.5)
            await super().checkpoint(claim, checkpoint)

    async with process(SlowStore()) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await call.leave()
        late = await harness.call(session_id)
        assert await late.closed_by_server() is CloseReason.NORMAL
        assert (await harness.ended(session_id)).end_reason is EndReason.CLIENT_LEFT
