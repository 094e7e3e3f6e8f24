"""A text-to-speech provider whose legs share a memory of fixed phrases."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource, ResourceKey, ResourceKind
from voice_agent.services.phrase_memory import PhraseMemory, is_written_by
from voice_agent.services.provider import Provider
from voice_agent.services.speaks_from_memory import RemembersPhrases

MEGABYTE: Final = 1024 * 1024


class RememberingProvider:
    """Implements `Provider` with another one, `made_by`.

    A greeting that was edited is another text, so it is made again; the old one is forgotten in
    time, as nobody says it any more. A text that varies, such as a language model's, is not kept.

    Args:
        made_by: What speaks.
        name: Its name in the registry.
        limit: How many bytes of speech to keep, for all agents together.
        says_only_fixed: Whether the language model that goes with it never varies a text.
    """

    def __init__(
        self, made_by: Provider, name: str, *, limit: int, says_only_fixed: bool = False
    ) -> None:
        self._made_by = made_by
        self._says_only_fixed = says_only_fixed
        phrases = ResourceKey(ResourceKind.SHARED, "phrase", name)

        async def create() -> PhraseMemory:
            return PhraseMemory(limit)

        self._memory: Resource[PhraseMemory] = Resource(
            ResourceKey(ResourceKind.SHARED, "phrases", name),
            create,
            statistics=lambda memory: (memory.statistics(phrases),),
        )

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what the provider needs, and the memory."""
        return (*self._made_by.resources(agent), self._memory)

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:
        """Return a text-to-speech service for one leg."""
        service = self._made_by.build(agent, lease)
        if isinstance(service, RemembersPhrases):
            is_fixed = _always if self._says_only_fixed else partial(is_written_by, agent)
            service.use_memory(lease.get(self._memory), is_fixed)
        return service

    async def check(self) -> Sequence[str]:
        """Return what stands in the way of the provider."""
        return await self._made_by.check()


def _always(_: str) -> bool:
    return True
