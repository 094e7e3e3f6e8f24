import asyncio
from typing import cast

from voice_agent.bot.pipeline_factory import PipelineFactory
from voice_agent.bot.rehearsal import rehearse
from voice_agent.core.agent import Agent
from voice_agent.testing.harness import ConversationHarness

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")


async def test_a_rehearsal_leaves_nothing_behind() -> None:
    async with ConversationHarness(AGENT) as harness:
        before = asyncio.all_tasks()
        pipelines = cast("PipelineFactory", harness.sessions._pipelines)
        await rehearse(AGENT, harness.pool, pipelines, harness.clock)
        assert asyncio.all_tasks() == before
        assert {each.in_use for each in harness.pool.statistics()} == {0}
        assert not harness.events
        call = await harness.call()
        await call.agent_says("Hello.")
