"""Whole conversations whose store fails, is slow, or was claimed by another process."""

import asyncio
from dataclasses import replace

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.session import Checkpoint
from voice_agent.core.session_store import Claim
from voice_agent.sessions.manager import SessionPolicy
from voice_agent.storage.memory_session_store import MemorySessionStore
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import CloseReason

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
REPLIES = {"open": "From nine to six.", "where": "By the river."}
POLICY = SessionPolicy(default_agent=AGENT.id, max_sessions=10, resume_window_s=60)


async def test_a_session_that_another_process_claimed_is_let_go() -> None:
    store = MemorySessionStore()
    async with ConversationHarness(AGENT, replies=REPLIES, store=store) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        claim, before = await store.claim(session_id, "another process")
        elsewhere = replace(before, legs=7)
        await store.checkpoint(claim, elsewhere)
        await call.say("Where are you?")
        assert await call.closed_by_server() is CloseReason.DISPLACED
        await asyncio.sleep(120)
        assert await store.load(session_id) == elsewhere
        assert harness.sessions.live_count == 0


async def test_a_connection_to_a_session_that_went_elsewhere_is_closed() -> None:
    store = MemorySessionStore()
    async with ConversationHarness(AGENT, replies=REPLIES, store=store) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        late = harness.connect(session_id)
        await call.agent_finishes("Hello.")
        await store.claim(session_id, "another process")
        await call.say("Where are you?")
        assert await call.closed_by_server() is CloseReason.DISPLACED
        late.open_microphone()
        assert await late.closed_by_server() is CloseReason.NORMAL


async def test_a_store_that_fails_does_not_end_the_call() -> None:
    class BrokenStore(MemorySessionStore):
        is_broken = True

        async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
            if self.is_broken:
                raise OSError("the disk is full")
            await super().checkpoint(claim, checkpoint)

    store = BrokenStore()
    async with ConversationHarness(AGENT, replies=REPLIES, store=store) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        await call.agent_finishes("Hello.")
        await call.say("Where are you?")
        await call.agent_finishes("By the river.")
        assert (await store.load(session_id)).conversation.is_empty
        store.is_broken = False
        await call.leave()
        assert len((await harness.ended(session_id)).conversation.turns) == 3


async def test_a_slow_store_is_off_the_audio_path_and_ends_up_to_date() -> None:
    class SlowStore(MemorySessionStore):
        writes = 0

        async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
            self.writes += 1
            await asyncio.sleep(5)
            await super().checkpoint(claim, checkpoint)

    store = SlowStore()
    async with ConversationHarness(AGENT, replies=REPLIES, store=store) as harness:
        session_id = await harness.create()
        call = await harness.call(session_id)
        began = harness.clock.monotonic()
        await call.agent_finishes("Hello.", within_s=2)
        await call.say("Where are you?")
        await call.agent_finishes("By the river.", within_s=4)
        assert harness.clock.monotonic() - began < 6
        await call.leave()
        kept = await harness.ended(session_id)
        assert [turn.text for turn in kept.conversation.turns] == [
            "Hello.",
            "Where are you?",
            "By the river.",
        ]
        assert store.writes < 8
