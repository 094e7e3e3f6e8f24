"""All agents: those of files, which every workspace has, and those made over the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from voice_agent.bot.agents import AgentRepository
from voice_agent.core.agent import Agent
from voice_agent.core.errors import AgentExistsError, AgentNotFoundError, AgentReadOnlyError
from voice_agent.storage.stored_agents import AgentVersion, StoredAgents


class AgentOrigin(StrEnum):
    """Where an agent is described."""

    FILE = "file"
    API = "api"


@dataclass(frozen=True)
class ListedAgent:
    """An agent, and whether it can be changed here."""

    agent: Agent
    origin: AgentOrigin


class AgentCatalog:
    """Finds agents by id. A file's agent comes before one of the same id that was made here.

    What asks the database raises StorageUnavailableError when that is away.
    """

    def __init__(self, files: AgentRepository, stored: StoredAgents) -> None:
        self._files = files
        self._stored = stored

    async def find(self, agent_id: str, workspace_id: str) -> Agent:
        """Return the agent as it is now.

        Raises:
            AgentNotFoundError: No agent has that id.
        """
        return (await self.read(agent_id, workspace_id)).agent

    async def read(self, agent_id: str, workspace_id: str) -> ListedAgent:
        """Return the agent and where it comes from; raises as `find` does."""
        try:
            return ListedAgent(self._files.get(agent_id), AgentOrigin.FILE)
        except AgentNotFoundError:
            stored = await self._stored.find(workspace_id, agent_id)
            if stored is None:
                raise
            return ListedAgent(stored, AgentOrigin.API)

    async def list(self, workspace_id: str) -> Sequence[ListedAgent]:
        """Return all agents, sorted by id."""
        stored = await self._stored.list(workspace_id)
        found = {agent.id: ListedAgent(agent, AgentOrigin.API) for agent in stored}
        found |= {agent.id: ListedAgent(agent, AgentOrigin.FILE) for agent in self._files.list()}
        return [found[agent_id] for agent_id in sorted(found)]

    async def versions(self, agent_id: str, workspace_id: str) -> Sequence[AgentVersion]:
        """Return all versions of an agent that was made here, newest first.

        Raises:
            AgentNotFoundError: No agent has that id.
            AgentReadOnlyError: A file describes it, and says nothing of earlier versions.
        """
        self._require_not_of_file(agent_id)
        versions = await self._stored.versions(workspace_id, agent_id)
        if not versions:
            raise AgentNotFoundError(f"there is no agent '{agent_id}'")
        return versions

    async def create(self, agent: Agent, workspace_id: str) -> None:
        """Keep a new agent.

        Raises:
            AgentExistsError: There is one with its id.
        """
        if self._is_of_file(agent.id):
            raise AgentExistsError(f"a file describes an agent '{agent.id}'; choose another id")
        await self._stored.create(workspace_id, agent)

    async def update(self, agent: Agent, workspace_id: str, based_on: str) -> None:
        """Make `agent` the current version of itself; running sessions keep theirs.

        Raises:
            AgentChangedError: `based_on` is no longer its version.
            AgentNotFoundError: No agent has that id.
            AgentReadOnlyError: A file describes it.
        """
        self._require_not_of_file(agent.id)
        await self._stored.update(workspace_id, agent, based_on)

    async def delete(self, agent_id: str, workspace_id: str) -> None:
        """Forget an agent; running sessions keep it.

        Raises:
            AgentNotFoundError: No agent has that id.
            AgentReadOnlyError: A file describes it.
        """
        self._require_not_of_file(agent_id)
        await self._stored.delete(workspace_id, agent_id)

    def _is_of_file(self, agent_id: str) -> bool:
        try:
            self._files.get(agent_id)
        except AgentNotFoundError:
            return False
        return True

    def _require_not_of_file(self, agent_id: str) -> None:
        if self._is_of_file(agent_id):
            raise AgentReadOnlyError(
                f"the agent '{agent_id}' is described by a file of the server: change it there"
            )
