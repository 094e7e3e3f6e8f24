"""Whether the server lives, and whether it can take a call."""

from fastapi import APIRouter

from voice_agent.api.errors import NotReadyError
from voice_agent.api.models import Status
from voice_agent.api.services import ApiServices


def health_routes(services: ApiServices) -> APIRouter:
    """Return the routes that machines ask every few seconds."""
    router = APIRouter(tags=["health"])

    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz", summary="Is the server alive?")
    async def healthz() -> Status:
        """Answer as long as the server runs."""
        return Status(status="alive")

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", summary="Can it take a call?")
    async def readyz() -> Status:
        """Answer 200 when a call can be taken, else 503 and why not."""
        reason = services.unready()
        if reason is not None:
            raise NotReadyError(reason)
        return Status(status="ready")

    return router
