"""What there is: agents, what the service pool holds, and what was counted."""

from fastapi import APIRouter, Request, Response

from voice_agent.accounts.authorize import Action, Resource
from voice_agent.api.credentials import HOST, require
from voice_agent.api.services import ApiServices
from voice_agent.api.views import AgentDetail, AgentList, AgentView, PoolView
from voice_agent.api.whole_host import host_metrics, host_pool


def inventory_routes(services: ApiServices) -> APIRouter:
    """Return the routes that only show."""
    router = APIRouter()

    @router.get("/v1/agents", tags=["agents"], summary="All agents")
    async def list_agents(request: Request) -> AgentList:
        """Return the agents that can be talked to, sorted by id."""
        principal = await require(services, request, Action.AGENTS_READ, HOST)
        agents = [
            agent
            for agent in services.agents.list()
            if not principal.agents or agent.id in principal.agents
        ]
        return AgentList(agents=[AgentView.of(agent) for agent in agents])

    @router.get("/v1/agents/{agent_id}", tags=["agents"], summary="One agent")
    async def read_agent(agent_id: str, request: Request) -> AgentDetail:
        """Return an agent as its file now describes it."""
        await require(
            services, request, Action.AGENTS_READ, Resource(HOST.workspace_id, agent_id=agent_id)
        )
        return AgentDetail.of(services.agents.get(agent_id))

    @router.get("/v1/pool", tags=["pool"], summary="What the service pool holds")
    async def read_pool(request: Request) -> PoolView:
        """Return plain counts of every resource, of all processes together."""
        await require(services, request, Action.POOL_READ, HOST)
        return await host_pool(services)

    @router.get("/metrics", tags=["metrics"], summary="Metrics for Prometheus")
    async def read_metrics(request: Request) -> Response:
        """Return the counts of all processes as text, in OpenMetrics for who accepts that."""
        await require(services, request, Action.METRICS_READ, HOST)
        body, media_type = await host_metrics(services, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type})

    return router
