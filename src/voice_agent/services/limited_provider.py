"""A provider whose account allows so many streams at once: each leg leases one of them."""

from collections.abc import Sequence
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.provider import Provider


class LimitedProvider:
    """Implements `Provider` by another one and a slot for each leg."""

    def __init__(self, provider: Provider, streams: Resource[None]) -> None:
        self._provider = provider
        self._streams = streams

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what the other needs, and the slots."""
        return (*self._provider.resources(agent), self._streams)

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:
        """Return the other's service."""
        return self._provider.build(agent, lease)

    async def check(self) -> Sequence[str]:
        """Return what stands in the way of using the other."""
        return await self._provider.check()
