"""Sessions: create, list, show, end."""

import asyncio

from fastapi import APIRouter, Request

from voice_agent.api.addresses import Addresses
from voice_agent.api.credentials import (
    note_session,
    require_open_access,
    require_session_or_open_access,
)
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.models import (
    SessionInvitation,
    SessionRequest,
    WebRTCStep,
    WebSocketStep,
)
from voice_agent.api.services import ApiServices
from voice_agent.api.views import SessionDetail, SessionList, moment
from voice_agent.api.whole_host import host_sessions
from voice_agent.sessions.manager import NewSession
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import TransportStep, plan_transports


def session_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/sessions` but for those that carry media."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])

    def step(
        planned: TransportStep, new: NewSession, addresses: Addresses
    ) -> WebRTCStep | WebSocketStep:
        if planned.kind is TransportKind.WEBRTC:
            return WebRTCStep(
                offer_url=addresses.offer(new.session_id),
                ice_servers=list(services.ice_servers),
                reason=planned.reason,
            )
        url = addresses.session_websocket(new.session_id, new.token)
        return WebSocketStep(url=url, reason=planned.reason)

    @router.post(
        "",
        status_code=201,
        dependencies=[JSON_ONLY],
        response_model_exclude_none=True,
        summary="Start a session",
    )
    async def create_session(
        request: Request, wish: SessionRequest | None = None
    ) -> SessionInvitation:
        """Create a session and say how to connect to it, the best way first."""
        require_open_access(services)
        wish = wish or SessionRequest()
        plan = plan_transports(
            wish.transport.kind, services.transports, client_can=wish.client.kinds
        )
        new = await services.sessions.create(wish.agent)
        note_session(request, new.session_id)
        addresses = Addresses.of(request, services.public_url)
        return SessionInvitation(
            session_id=new.session_id,
            token=new.token,
            expires_at=moment(new.expires_at),
            transports=[step(planned, new, addresses) for planned in plan],
        )

    @router.get("", summary="All sessions")
    async def list_sessions() -> SessionList:
        """Return the sessions that run and the last that ended, newest first."""
        require_open_access(services)
        return await host_sessions(services)

    @router.get("/{session_id}", summary="One session, with all that was said")
    async def read_session(session_id: str, request: Request) -> SessionDetail:
        """Return state, transcript, latency of each turn, timeline and recordings."""
        require_session_or_open_access(services, request, session_id)
        checkpoint = await services.sessions.read(session_id)
        recordings = await asyncio.to_thread(services.recordings.list, session_id)
        return SessionDetail.of_session(
            checkpoint, services.sessions.events(session_id), recordings
        )

    @router.delete("/{session_id}", status_code=204, summary="End a session")
    async def end_session(session_id: str, request: Request) -> None:
        """Hang up. Ending a session that is over does nothing."""
        require_session_or_open_access(services, request, session_id)
        await services.sessions.end(session_id)

    return router
