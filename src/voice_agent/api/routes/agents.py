"""Agents: those of files, which are only shown, and those that are made here."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from voice_agent.api.credentials import workspace_of
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
        listed = await services.agents.list(workspace_of(services, request))
        return AgentList(agents=[AgentListEntry.of_listed(each) for each in listed])

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
        workspace_id = workspace_of(services, request)

        async def create() -> AgentDetail:
            await services.agents.create(body, workspace_id)
            return AgentDetail.of_listed(ListedAgent(body, AgentOrigin.API))

        return await carried_out_once(
            services, request, idempotency_key, (workspace_id, ""), create
        )

    @router.get("/{agent_id}", summary="One agent")
    async def read_agent(agent_id: str, request: Request, response: Response) -> AgentDetail:
        """Return an agent as it is now; its version is the ETag."""
        listed = await services.agents.read(agent_id, workspace_of(services, request))
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
        workspace_id = workspace_of(services, request)
        if if_match is None:
            raise PreconditionRequiredError(
                "say which version you have changed: send its ETag, or 'version' in quotes, as "
                "If-Match"
            )
        if body.id != agent_id:
            raise AgentChangedError(
                f"the body is of the agent '{body.id}', the address of '{agent_id}': an id stays"
            )
        await services.agents.update(body, workspace_id, if_match.removeprefix("W/").strip('"'))
        response.headers["ETag"] = f'"{body.version}"'
        return AgentDetail.of_listed(ListedAgent(body, AgentOrigin.API))

    @router.delete("/{agent_id}", status_code=204, summary="Remove an agent")
    async def delete_agent(agent_id: str, request: Request) -> None:
        """Forget an agent with all its versions. Running sessions keep it."""
        await services.agents.delete(agent_id, workspace_of(services, request))

    @router.get("/{agent_id}/versions", summary="All versions of an agent")
    async def list_versions(agent_id: str, request: Request) -> AgentVersionList:
        """Return all versions of an agent that was made here, newest first."""
        versions = await services.agents.versions(agent_id, workspace_of(services, request))
        return AgentVersionList(versions=[AgentVersionView.of(each) for each in versions])

    return router
