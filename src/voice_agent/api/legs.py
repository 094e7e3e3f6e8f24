"""How a connection reaches its session; the routes of all dialects share it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from voice_agent.api.admission import admit, origin_of
from voice_agent.api.credentials import note_session
from voice_agent.api.models import AnswerResponse, OfferRequest
from voice_agent.api.services import ApiServices
from voice_agent.core.errors import SessionEndedError
from voice_agent.core.session import SessionState
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import require_offered


async def require_connectable(services: ApiServices, session_id: str, kind: TransportKind) -> None:
    """Do nothing when the session can be connected that way.

    Raises:
        TransportUnavailableError: This transport is not offered.
        SessionNotFoundError: There is no such session.
        SessionEndedError: It is over.
    """
    require_offered(kind, services.transports)
    checkpoint = await services.sessions.read(session_id)
    if checkpoint.state is SessionState.ENDED:
        raise SessionEndedError("this session is over; start a new one")


async def answer_offer(
    services: ApiServices, session_id: str, offer: OfferRequest
) -> AnswerResponse:
    """Answer a WebRTC offer, and begin a leg when it made a new connection."""
    await require_connectable(services, session_id, TransportKind.WEBRTC)
    answer = await services.peers.answer(
        offer.to_offer(),
        session_id=session_id,
        start=lambda connection: services.sessions.start_leg(session_id, connection),
    )
    return AnswerResponse.of(answer)


async def carry_websocket(
    services: ApiServices, session_id: str, websocket: WebSocket, attempt: str | None
) -> None:
    """Accept a WebSocket and run a leg on it until that has ended."""
    await require_connectable(services, session_id, TransportKind.WEBSOCKET)
    connection = await services.websockets.accept(websocket, session_id=session_id, attempt=attempt)
    await services.sessions.run_leg(session_id, connection)


@asynccontextmanager
async def walk_in_session(
    services: ApiServices, request: HTTPConnection, kind: TransportKind
) -> AsyncIterator[str]:
    """Open a session for who comes without one, and end it when he cannot be let in."""
    principal = await admit(services, request)
    require_offered(kind, services.transports)
    new = await services.sessions.create(resumable=False, origin=origin_of(principal))
    note_session(request, new.session_id)
    try:
        yield new.session_id
    except BaseException:
        await services.sessions.end(new.session_id)
        raise
