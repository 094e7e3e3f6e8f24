"""What there is: what the service pool holds, and what was counted."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from voice_agent.accounts.authorize import Action
from voice_agent.api.credentials import HOST, require
from voice_agent.api.services import ApiServices
from voice_agent.api.system_views import SystemView
from voice_agent.api.views import PoolView
from voice_agent.api.whole_host import host_metrics, host_pool, host_system

OPEN_METRICS = "application/openmetrics-text"


def inventory_routes(services: ApiServices) -> APIRouter:
    """Return the routes that only show."""
    router = APIRouter()

    @router.get("/v1/pool", tags=["pool"], summary="What the service pool holds")
    async def read_pool(request: Request) -> PoolView:
        """Return plain counts of every resource, of all processes together."""
        await require(services, request, Action.POOL_READ, HOST)
        return await host_pool(services)

    @router.get("/v1/system", tags=["system"], summary="The processes and the providers")
    async def read_system(request: Request) -> SystemView:
        """Return what each process does, and whether the providers work, as the calls found out."""
        await require(services, request, Action.SYSTEM_READ, HOST)
        return await host_system(services)

    @router.get(
        "/metrics",
        tags=["metrics"],
        summary="Metrics for Prometheus",
        response_class=PlainTextResponse,
        responses={200: {"content": {OPEN_METRICS: {"schema": {"type": "string"}}}}},
    )
    async def read_metrics(request: Request) -> Response:
        """Return the counts of all processes as text, in OpenMetrics for who accepts that."""
        await require(services, request, Action.METRICS_READ, HOST)
        body, media_type = await host_metrics(services, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type})

    return router
