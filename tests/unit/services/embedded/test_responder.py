from typing import Any, cast

from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from voice_agent.core.agent import Agent, KnowledgeEntry
from voice_agent.core.pool import WarmServicePool
from voice_agent.services.embedded.reply import Exchange
from voice_agent.services.embedded.responder import KnowledgeResponderProvider, exchange_of
from voice_agent.services.provider import ProviderOptions
from voice_agent.testing.service_run import ServiceRun

AGENT = Agent(
    id="a",
    name="A",
    greeting="Hello",
    knowledge=(KnowledgeEntry(("When are you open?",), "From nine to six. Not on Sundays."),),
)


def context(*messages: tuple[str, Any]) -> LLMContext:
    said = [{"role": role, "content": content} for role, content in messages]
    return LLMContext(messages=cast("Any", said))


def test_all_that_was_said_since_the_last_answer_is_told() -> None:
    said = context(
        ("system", "You are kind."),
        ("user", "hello"),
        ("assistant", "Hello. How can I help?"),
        ("user", "i would like to know"),
        ("user", [{"type": "text", "text": "when you are open"}]),
    )
    assert exchange_of(said) == Exchange(
        "when you are open", "Hello. How can I help?", 1, "i would like to know"
    )


def test_the_whole_last_answer_is_kept_though_little_of_it_was_heard() -> None:
    said = context(("assistant", "From —"), ("user", "pardon"))
    assert exchange_of(said, "From nine to six.").last_answer == "From nine to six."


async def test_it_streams_its_answer_as_a_language_model_does() -> None:
    pool = WarmServicePool()
    provider = KnowledgeResponderProvider(ProviderOptions())
    lease = await pool.lease(provider.resources(AGENT), timeout_s=5)
    service = provider.build(AGENT, lease)
    async with ServiceRun(service) as run:
        await run.send(LLMContextFrame(context(("user", "when do you open"))))
        await run.wait_for(LLMFullResponseEndFrame)
        assert len(run.of(LLMFullResponseStartFrame)) == 1
        texts = [frame.text for frame in run.of(LLMTextFrame)]
        assert texts == ["From nine to six. ", "Not on Sundays."]
        await run.send(LLMContextFrame(context(("user", "say that again"))))
        await run.wait_for(LLMFullResponseEndFrame, count=2)
        assert [frame.text for frame in run.of(LLMTextFrame)][2:] == texts
    await lease.release()
    await pool.close()


async def test_it_answers_outside_the_conversation_too() -> None:
    pool = WarmServicePool()
    provider = KnowledgeResponderProvider(ProviderOptions())
    assert list(await provider.check()) == []
    lease = await pool.lease(provider.resources(AGENT), timeout_s=5)
    service = provider.build(AGENT, lease)
    answer = await service.run_inference(context(("user", "are you open")))
    assert answer == "From nine to six. Not on Sundays."
    await lease.release()
    await pool.close()
