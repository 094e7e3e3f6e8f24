"""What there is: agents, and what the service pool holds."""

from fastapi import APIRouter, Depends

from voice_agent.api.credentials import require_open_access
from voice_agent.api.services import ApiServices
from voice_agent.api.views import AgentDetail, AgentList, AgentView, PoolView, ResourceView


def inventory_routes(services: ApiServices) -> APIRouter:
    """Return the routes that only show."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(lambda: require_open_access(services))])

    @router.get("/agents", tags=["agents"], summary="All agents")
    async def list_agents() -> AgentList:
        """Return the agents that can be talked to, sorted by id."""
        return AgentList(agents=[AgentView.of(agent) for agent in services.agents.list()])

    @router.get("/agents/{agent_id}", tags=["agents"], summary="One agent")
    async def read_agent(agent_id: str) -> AgentDetail:
        """Return an agent as its file now describes it."""
        return AgentDetail.of(services.agents.get(agent_id))

    @router.get("/pool", tags=["pool"], summary="What the service pool holds")
    async def read_pool() -> PoolView:
        """Return plain counts of every resource of this process."""
        return PoolView(resources=[ResourceView.of(each) for each in services.pool.statistics()])

    return router
