"""Whole conversations with the shipped agent and the knowledge responder."""

import pytest

from voice_agent.bot.agent_file import read_agent_file
from voice_agent.bot.agents import agents_directory
from voice_agent.core.agent import Agent
from voice_agent.services.embedded.responder import KnowledgeResponderProvider
from voice_agent.services.provider import ProviderOptions, Stage
from voice_agent.testing.harness import ConversationHarness

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def frontdesk() -> Agent:
    return read_agent_file(agents_directory() / "frontdesk.yaml")


def with_knowledge(agent: Agent) -> ConversationHarness:
    return ConversationHarness(
        agent, providers={Stage.LLM: KnowledgeResponderProvider(ProviderOptions())}
    )


def answer_to(agent: Agent, question: str) -> str:
    (answer,) = (entry.answer for entry in agent.knowledge if question in entry.questions)
    return answer


async def test_a_question_of_the_knowledge_is_answered_in_its_words(frontdesk: Agent) -> None:
    async with with_knowledge(frontdesk) as harness:
        call = await harness.call()
        assert frontdesk.greeting is not None
        await call.agent_finishes(frontdesk.greeting)
        question = "What are your opening hours on Saturday?"
        await call.say(question)
        await call.agent_finishes(answer_to(frontdesk, question))


async def test_a_known_question_is_answered_without_waiting_for_its_sound(frontdesk: Agent) -> None:
    async with with_knowledge(frontdesk) as harness:
        call = await harness.call()
        assert frontdesk.greeting is not None
        await call.agent_finishes(frontdesk.greeting)
        entry = frontdesk.knowledge[0]
        await call.say(f"{entry.questions[0].rstrip('?.!')} ...")
        asked_at = harness.clock.monotonic()
        await call.agent_says(" ".join(entry.answer.split()[:3]))
        began = next(played.at for played in call.played if played.at > asked_at)
        assert began - asked_at < frontdesk.turn.max_wait_s / 2


async def test_a_question_beyond_the_knowledge_is_not_made_up(frontdesk: Agent) -> None:
    async with with_knowledge(frontdesk) as harness:
        call = await harness.call()
        assert frontdesk.greeting is not None
        await call.agent_finishes(frontdesk.greeting)
        heard = len(call.words)
        await call.say("How many moons does the planet Jupiter have?")
        await call.until(lambda: len(call.words) > heard + 3, "an answer")
        said = " ".join(word.word for word in call.words[heard:])
        assert not any(said in " ".join(entry.answer.split()) for entry in frontdesk.knowledge)
