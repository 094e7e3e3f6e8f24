"""A scripted language model: answers by rule or in order, token by token, as fast as it is told."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.testing.script import Script

DO_NOT_KNOW = "I do not know that."
"""What is answered when no rule fits, or the answers are used up."""

Replies = Mapping[str, str] | Sequence[str] | Callable[[str], str]
"""What to answer: by words that the question contains, in order, or by a function of it."""
Message = Mapping[str, Any]


class ScriptedLLM(Script):
    """A provider that answers with `replies`.

    Args:
        replies: What to answer, see `Replies`; rules ignore case, the first that fits is taken.
        first_token_s: Seconds until the first token.
        token_s: Seconds from token to token; a token is a word with the space before it.
        needs: What it needs of the pool.
    """

    def __init__(
        self,
        replies: Replies = (),
        *,
        first_token_s: float = 0.2,
        token_s: float = 0.02,
        needs: Sequence[Resource[Any]] = (),
    ) -> None:
        super().__init__(needs)
        self._replies = replies
        self.first_token_s = first_token_s
        self.token_s = token_s
        self.requests: list[Sequence[Message]] = []
        """The messages of every request so far, oldest first."""

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:  # noqa: ARG002
        """Return a language model for one leg."""
        self.take(lease)
        return _ScriptedLLMService(self)

    def answer(self, messages: Sequence[Message]) -> str:
        """Note a request with `messages` and return what to say to the last of the user."""
        number = len(self.requests)
        self.requests.append(messages)
        asked = [str(message["content"]) for message in messages if message["role"] == "user"]
        question = asked[-1] if asked else ""
        if callable(self._replies):
            return self._replies(question)
        if isinstance(self._replies, Mapping):
            lower = question.lower()
            rules = self._replies.items()
            return next((reply for words, reply in rules if words.lower() in lower), DO_NOT_KNOW)
        return self._replies[number] if number < len(self._replies) else DO_NOT_KNOW


class _ScriptedLLMService(LLMService):
    def __init__(self, script: ScriptedLLM) -> None:
        super().__init__(
            settings=LLMSettings(
                model=None,
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
        self._script = script

    def can_generate_metrics(self) -> bool:
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def _answer(self, context: LLMContext) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        try:
            await self.start_ttfb_metrics()
            messages = cast("list[Message]", context.get_messages())
            reply = self._script.answer([dict(message) for message in messages])
            if await self._script.goes_wrong(self):
                return
            await asyncio.sleep(self._script.first_token_s)
            await self.stop_ttfb_metrics()
            for number, word in enumerate(reply.split()):
                if number:
                    await asyncio.sleep(self._script.token_s)
                await self._push_llm_text(word if number == 0 else f" {word}")
        finally:
            await self.push_frame(LLMFullResponseEndFrame())
