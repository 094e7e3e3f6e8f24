"""What a leg leaves in memory, without a garbage collection."""

import asyncio
import gc
import weakref

import pytest
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.bot.pipeline_factory import PipelineFactory
from voice_agent.core.agent import Agent
from voice_agent.testing.harness import ConversationHarness

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")


@pytest.mark.virtual_time
async def test_the_processors_of_a_leg_that_is_over_are_free_without_a_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[weakref.ref[FrameProcessor]] = []
    build = PipelineFactory.build

    def remember(processor: FrameProcessor) -> None:
        built.append(weakref.ref(processor))
        for inner in processor.processors:
            remember(inner)

    def building(*arguments: object) -> PipelineWorker:
        worker = build(*arguments)  # type: ignore[arg-type]
        remember(worker.pipeline)
        return worker

    monkeypatch.setattr(PipelineFactory, "build", building)
    gc.disable()
    try:
        async with ConversationHarness(AGENT, replies={"open": "From nine to six."}) as harness:
            call = await harness.call()
            await call.agent_finishes("Hello.")
            await call.say("Are you open?")
            await call.agent_finishes("From nine to six.")
            await call.leave()
            await asyncio.sleep(1)
            # The client holds the two ends of its own transport.
            alive = {type(one()).__name__ for one in built if one() is not None}
            assert len(built) > 15
            assert alive <= {"MemoryInputTransport", "MemoryOutputTransport"}
    finally:
        gc.enable()
