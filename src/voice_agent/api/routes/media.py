"""Where a session's media is connected: WebRTC offers and WebSockets."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, WebSocket

from voice_agent.api.credentials import require_session_token
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.legs import answer_offer, carry_websocket
from voice_agent.api.models import AnswerResponse, AttemptId, CandidatesRequest, OfferRequest
from voice_agent.api.services import ApiServices


def media_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/sessions/{id}` that carry media, all for the session's token."""
    router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["media"])

    @router.post("/offer", dependencies=[JSON_ONLY], summary="Connect over WebRTC")
    async def offer(session_id: str, request: Request, body: OfferRequest) -> AnswerResponse:
        """Answer a WebRTC offer. With `pc_id` it renegotiates, with `restart_pc` it reconnects."""
        await require_session_token(services, request, session_id)
        return await answer_offer(services, session_id, body)

    @router.patch(
        "/offer", status_code=204, dependencies=[JSON_ONLY], summary="Trickle ICE candidates"
    )
    async def candidates(session_id: str, request: Request, body: CandidatesRequest) -> None:
        """Take candidates that were found after the offer."""
        await require_session_token(services, request, session_id)
        await services.peers.add_candidates(body.pc_id, body.to_candidates(), session_id=session_id)

    @router.websocket("/ws")
    async def websocket(
        session_id: str, websocket: WebSocket, attempt: Annotated[AttemptId | None, Query()] = None
    ) -> None:
        """Carry the session's media in Pipecat's protobuf frames."""
        await require_session_token(services, websocket, session_id)
        await carry_websocket(services, session_id, websocket, attempt)

    return router
