"""A provider whose account allows only so many streams."""

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.errors import PoolRefusedError
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.service_pool import slots
from voice_agent.services.limited_provider import LimitedProvider
from voice_agent.services.provider import Stage
from voice_agent.testing.harness import ConversationHarness
from voice_agent.testing.scripted_tts import ScriptedTTS

pytestmark = pytest.mark.virtual_time

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")


async def test_a_call_more_than_the_account_allows_waits_until_another_ends() -> None:
    limited = LimitedProvider(ScriptedTTS(), slots("tts", "scripted", 1))
    async with ConversationHarness(AGENT, providers={Stage.TTS: limited}) as harness:
        first = await harness.call()
        await first.agent_finishes("Hello.")
        second = await harness.call()
        (streams,) = [row for row in harness.pool.statistics() if row.key.kind == "slots"]
        assert (streams.size, streams.in_use) == (1, 1)
        await first.leave()
        await second.agent_finishes("Hello.")


async def test_it_needs_nothing_but_a_slot_more() -> None:
    streams = slots("tts", "scripted", 1)
    limited = LimitedProvider(ScriptedTTS(), streams)
    pool = WarmServicePool()
    lease = await pool.lease(limited.resources(AGENT), timeout_s=1)
    assert await limited.check() == await ScriptedTTS().check()
    with pytest.raises(PoolRefusedError, match="all 1 of tts provider 'scripted' are busy"):
        await pool.lease([streams], timeout_s=1)
    await lease.release()
    await pool.close()
