"""Provider `knowledge`: answers from the agent's own knowledge, without a language model."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings

from voice_agent.core.agent import Agent
from voice_agent.core.knowledge_resource import knowledge_resource
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.embedded.reply import Exchange, Responder, sentences_of
from voice_agent.services.provider import ProviderOptions


class KnowledgeResponderProvider:
    """Finds the agent's answer to what was said, and says so when it has none."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the knowledge index of `agent`'s version."""
        return (knowledge_resource(agent),)

    def build(self, agent: Agent, lease: Lease) -> "KnowledgeResponderService":
        """Return a language model service for one leg."""
        return KnowledgeResponderService(Responder(agent, lease.get(knowledge_resource(agent))))

    async def check(self) -> Sequence[str]:
        """Return nothing: it needs nothing."""
        return ()


class KnowledgeResponderService(LLMService):
    """Answers the last thing the user said, sentence by sentence, within a millisecond."""

    Settings = LLMSettings

    def __init__(self, responder: Responder) -> None:
        super().__init__(
            settings=LLMSettings(
                model="knowledge",
                system_instruction=None,
                temperature=None,
                max_tokens=None,
                top_p=None,
                top_k=None,
                frequency_penalty=None,
                presence_penalty=None,
                seed=None,
                filter_incomplete_user_turns=None,
                user_turn_completion_config=None,
            )
        )
        self._responder = responder
        self._last_answer = ""

    def can_generate_metrics(self) -> bool:
        """Return True: it measures its time to the first text."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context; everything else passes."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def run_inference(
        self,
        context: LLMContext,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> str:
        """Return the answer to `context`, outside the conversation; the rest has no effect."""
        del max_tokens, system_instruction, response_schema
        return self._responder.reply(exchange_of(context))

    async def _answer(self, context: LLMContext) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            await self.start_ttfb_metrics()
            answer = self._responder.reply(exchange_of(context, self._last_answer))
            self._last_answer = answer
            await self.stop_ttfb_metrics()
            for sentence in sentences_of(answer):
                await self._push_llm_text(sentence)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


def exchange_of(context: LLMContext, last_answer: str = "") -> Exchange:
    """Return where the conversation in `context` is.

    The whole of `last_answer` is better to repeat than what the context holds, which is what was
    heard of it.
    """
    heard: list[str] = []
    answers: list[str] = []
    for message in cast("list[Mapping[str, Any]]", context.get_messages()):
        role = message.get("role")
        if role == "user":
            heard.append(_text_of(message))
        elif role == "assistant":
            heard.clear()
            answers.append(_text_of(message))
    last_heard_answer = answers[-1] if answers else ""
    *unanswered, last = heard or [""]
    return Exchange(
        last, last_answer or last_heard_answer, len(answers), " ".join(unanswered).strip()
    )


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
