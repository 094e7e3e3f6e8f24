"""Agents: those of files, which are only shown, and those that are made here."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from voice_agent.accounts.authorize import Action
from voice_agent.api.credentials import require
from voice_agent.api.errors import PreconditionRequiredError
from voice_agent.api.idempotent import IdempotencyKey, carried_out_once
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.services import ApiServices
from voice_agent.api.views import (
    AgentDetail,
    AgentList,
    AgentListEntry,
    AgentVersionList,
    AgentVersionView,
)
from voice_agent.bot.agent_catalog import AgentOrigin, ListedAgent
from voice_agent.core.agent import Agent
from voice_agent.core.errors import AgentChangedError

IfMatch = Annotated[
    str | None,
    Header(max_length=200, description="The `version` that the change is based on, in quotes."),
]


def agent_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/agents`."""
    router = APIRouter(prefix="/v1/agents", tags=["agents"])

    @router.get("", summary="All agents")
    async def list_agents(request: Request) -> AgentList:
        """Return the agents that can be talked to, sorted by id."""
        principal = await require(services, request, Action.AGENTS_READ)
        listed = [
            AgentListEntry.of_listed(each)
            for each in await services.agents.list(principal.workspace_id)
            if not principal.agents or each.agent.id in principal.agents
        ]
        return AgentList(agents=listed)

    @router.post(
        "",
        status_code=201,
        dependencies=[JSON_ONLY],
        response_model=AgentDetail,
        summary="Make an agent",
    )
    async def create_agent(
        request: Request, body: Agent, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Keep a new agent. Sessions can be started with it at once."""
        principal = await require(services, request, Action.AGENTS_WRITE, agent_id=body.id)

        async def create() -> AgentDetail:
            await services.agents.create(body, principal.workspace_id)
            return AgentDetail.of_listed(ListedAgent(body, AgentOrigin.API))

        return await carried_out_once(services, request, idempotency_key, principal, create)

    @router.get("/{agent_id}", summary="One agent")
    async def read_agent(agent_id: str, request: Request, response: Response) -> AgentDetail:
        """Return an agent as it is now; its version is the ETag."""
        principal = await require(services, request, Action.AGENTS_READ, agent_id=agent_id)
        listed = await services.agents.read(agent_id, principal.workspace_id)
        response.headers["ETag"] = f'"{listed.agent.version}"'
        return AgentDetail.of_listed(listed)

    @router.put("/{agent_id}", dependencies=[JSON_ONLY], summary="Change an agent")
    async def update_agent(
        agent_id: str,
        request: Request,
        response: Response,
        body: Agent,
        if_match: IfMatch = None,
    ) -> AgentDetail:
        """Make the body the agent's current version. Running sessions keep the one they have.

        Of two changes of the same version the second is refused: read the agent again then.
        """
        principal = await require(services, request, Action.AGENTS_WRITE, agent_id=agent_id)
        if if_match is None:
            raise PreconditionRequiredError(
                "say which version you have changed: send its ETag, or 'version' in quotes, as "
                "If-Match"
            )
        if body.id != agent_id:
            raise AgentChangedError(
                f"the body is of the agent '{body.id}', the address of '{agent_id}': an id stays"
            )
        based_on = if_match.removeprefix("W/").strip('"')
        await services.agents.update(body, principal.workspace_id, based_on)
        response.headers["ETag"] = f'"{body.version}"'
        return AgentDetail.of_listed(ListedAgent(body, AgentOrigin.API))

    @router.delete("/{agent_id}", status_code=204, summary="Remove an agent")
    async def delete_agent(agent_id: str, request: Request) -> None:
        """Forget an agent with all its versions. Running sessions keep it."""
        principal = await require(services, request, Action.AGENTS_WRITE, agent_id=agent_id)
        await services.agents.delete(agent_id, principal.workspace_id)

    @router.get("/{agent_id}/versions", summary="All versions of an agent")
    async def list_versions(agent_id: str, request: Request) -> AgentVersionList:
        """Return all versions of an agent that was made here, newest first."""
        principal = await require(services, request, Action.AGENTS_READ, agent_id=agent_id)
        versions = await services.agents.versions(agent_id, principal.workspace_id)
        return AgentVersionList(versions=[AgentVersionView.of(each) for each in versions])

    return router
