"""The knowledge index of an agent's version, as the pool knows it: one for all its legs."""

import asyncio

from voice_agent.core.agent import Agent
from voice_agent.core.knowledge import KnowledgeIndex
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind


def knowledge_resource(agent: Agent) -> Resource[KnowledgeIndex]:
    """Return the resource that lends `agent`'s index."""

    async def create() -> KnowledgeIndex:
        return await asyncio.to_thread(KnowledgeIndex, agent)

    key = ResourceKey(
        ResourceKind.SHARED, "knowledge", "index", agent.id, agent_version=agent.version
    )
    return Resource(key, create)
