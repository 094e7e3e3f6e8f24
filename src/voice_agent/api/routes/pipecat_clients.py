"""The routes that official Pipecat clients and Pipecat's own runner have, in their shapes.

The WebRTC client sends no token with its offer: it puts what `/start` called `sessionId` into the
address, and nothing else. So `/start` calls the session's token `sessionId`. Ids, which stand in
logs and lists, open nothing; the token expires, and is masked in the access log.
"""

from fastapi import APIRouter, Request, WebSocket

from voice_agent.accounts.authorize import Action
from voice_agent.accounts.principal import Principal
from voice_agent.api.addresses import Addresses
from voice_agent.api.admission import admit, origin_of
from voice_agent.api.credentials import note_session, principal_of, require
from voice_agent.api.ice import ice_servers_for
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.legs import answer_offer, carry_websocket, walk_in_session
from voice_agent.api.models import (
    AnswerResponse,
    CandidatesRequest,
    IceConfig,
    OfferRequest,
    StartRequest,
    Status,
    WebRTCStart,
    WebSocketStart,
)
from voice_agent.api.services import ApiServices
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import require_offered

_TAKEN = Status(status="success")


def pipecat_client_routes(services: ApiServices) -> APIRouter:
    """Return the routes for unmodified Pipecat clients."""
    router = APIRouter(tags=["pipecat clients"])

    def session_shown(principal: Principal | None) -> str | None:
        return None if principal is None else principal.session_id

    @router.post(
        "/start",
        dependencies=[JSON_ONLY],
        response_model_exclude_none=True,
        summary="Start a session, as Pipecat's runner does",
    )
    async def start(
        request: Request, wish: StartRequest | None = None
    ) -> WebRTCStart | WebSocketStart:
        """Create a session for the transport that the body asks for."""
        wish = wish or StartRequest()
        principal = await admit(services, request, wish.agent_id)
        kind = TransportKind(wish.transport)
        require_offered(kind, services.transports)
        new = await services.sessions.create(wish.agent_id, origin=origin_of(principal))
        note_session(request, new.session_id)
        if kind is TransportKind.WEBSOCKET:
            addresses = Addresses.of(request, services.public_url)
            return WebSocketStart(wsUrl=addresses.client_websocket(), token=new.token)
        ice = IceConfig(
            iceServers=ice_servers_for(services, new),
            iceTransportPolicy=services.ice.transport_policy,
        )
        return WebRTCStart(sessionId=new.token, iceConfig=ice)

    @router.post(
        "/sessions/{token}/api/offer", dependencies=[JSON_ONLY], summary="Connect over WebRTC"
    )
    async def session_offer(token: str, request: Request, body: OfferRequest) -> AnswerResponse:
        """Answer the offer of a client that got the token from `/start` as `sessionId`."""
        session_id = services.sessions.session_id_of(token)
        note_session(request, session_id)
        return await answer_offer(services, session_id, body)

    @router.patch(
        "/sessions/{token}/api/offer", dependencies=[JSON_ONLY], summary="Trickle ICE candidates"
    )
    async def session_candidates(token: str, request: Request, body: CandidatesRequest) -> Status:
        """Take candidates that were found after the offer."""
        session_id = services.sessions.session_id_of(token)
        note_session(request, session_id)
        await services.peers.add_candidates(body.pc_id, body.to_candidates(), session_id=session_id)
        return _TAKEN

    @router.post(
        "/api/offer", dependencies=[JSON_ONLY], summary="Connect over WebRTC without /start"
    )
    async def offer(request: Request, body: OfferRequest) -> AnswerResponse:
        """Answer an offer for the session of the token, or for a new one of the default agent."""
        session_id = session_shown(await principal_of(services, request))
        if session_id is not None:
            pass
        elif body.pc_id:
            await require(services, request, Action.SESSIONS_CREATE)
            session_id = services.peers.session_of(body.pc_id)
        else:
            async with walk_in_session(services, request, TransportKind.WEBRTC) as new_id:
                return await answer_offer(services, new_id, body)
        note_session(request, session_id)
        return await answer_offer(services, session_id, body)

    @router.patch("/api/offer", dependencies=[JSON_ONLY], summary="Trickle ICE candidates")
    async def candidates(request: Request, body: CandidatesRequest) -> Status:
        """Take candidates; without a token the `pc_id`, which nobody can guess, is the proof."""
        session_id = session_shown(await principal_of(services, request))
        if session_id is None:
            await require(services, request, Action.SESSIONS_CREATE)
        await services.peers.add_candidates(body.pc_id, body.to_candidates(), session_id=session_id)
        return _TAKEN

    async def carry(websocket: WebSocket) -> None:
        session_id = session_shown(await principal_of(services, websocket))
        if session_id is None:
            kind = TransportKind.WEBSOCKET
            async with walk_in_session(services, websocket, kind) as new_id:
                await carry_websocket(services, new_id, websocket, None)
                # Nobody has a token to come back with, not even who has said nothing yet.
                await services.sessions.end(new_id)
            return
        note_session(websocket, session_id)
        await carry_websocket(services, session_id, websocket, None)

    router.add_api_websocket_route("/ws-client", carry)
    router.add_api_websocket_route("/ws", carry)
    return router
