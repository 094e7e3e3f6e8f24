"""Sessions: create, list, show, end."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from voice_agent.accounts.authorize import Action
from voice_agent.api.addresses import Addresses
from voice_agent.api.admission import admit, origin_of
from voice_agent.api.credentials import note_session, require, require_in_session
from voice_agent.api.ice import ice_servers_for
from voice_agent.api.idempotent import IdempotencyKey, carried_out_once
from voice_agent.api.json_only import JSON_ONLY
from voice_agent.api.models import (
    AgentId,
    Cursor,
    LeftOut,
    MessageRequest,
    PageLimit,
    SayRequest,
    SessionInvitation,
    SessionRequest,
    Status,
    TransportWish,
    WebRTCStep,
    WebSocketStep,
)
from voice_agent.api.services import ApiServices
from voice_agent.api.session_events import (
    EVENT_STREAM,
    After,
    LastEventId,
    event_stream,
    number_after,
)
from voice_agent.api.views import SessionDetail, SessionList, SessionView, moment
from voice_agent.core.errors import SessionNotFoundError
from voice_agent.core.session import SessionState
from voice_agent.sessions.manager import NewSession
from voice_agent.storage.session_archive import SessionFilter
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import TransportStep, plan_transports

ACCEPTED = Status(status="accepted")


def session_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/sessions` but for those that carry media."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])

    def step(
        planned: TransportStep, new: NewSession, addresses: Addresses
    ) -> WebRTCStep | WebSocketStep:
        if planned.kind is TransportKind.WEBRTC:
            return WebRTCStep(
                offer_url=addresses.offer(new.session_id),
                ice_servers=ice_servers_for(services, new),
                ice_transport_policy=services.ice.transport_policy,
                reason=planned.reason,
            )
        url = addresses.session_websocket(new.session_id, new.token)
        return WebSocketStep(url=url, reason=planned.reason)

    @router.post(
        "",
        status_code=201,
        dependencies=[JSON_ONLY],
        response_model=SessionInvitation,
        response_model_exclude_none=True,
        summary="Start a session",
    )
    async def create_session(
        request: Request,
        wish: SessionRequest | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Create a session and say how to connect to it, the best way first."""
        wish = wish or SessionRequest()
        principal = await admit(services, request, wish.agent)
        plan = plan_transports(
            wish.transport.kind,
            services.transports,
            wish.client.to_abilities(),
            services.routes(),
        )

        async def create() -> SessionInvitation:
            new = await services.sessions.create(
                wish.agent,
                origin=origin_of(principal),
                metadata=wish.metadata,
                variables=wish.variables,
                plan=plan.steps,
            )
            note_session(request, new.session_id)
            addresses = Addresses.of(request, services.public_url)
            return SessionInvitation(
                session_id=new.session_id,
                token=new.token,
                expires_at=moment(new.expires_at),
                resume_window_s=new.resume_window_s,
                transports=[step(planned, new, addresses) for planned in plan.steps],
                left_out=[
                    LeftOut(type=TransportWish(each.kind), reason=each.reason)
                    for each in plan.left_out
                ],
            )

        return await carried_out_once(
            services,
            request,
            idempotency_key,
            principal,
            create,
            leaves_out_nulls=True,
        )

    @router.get("", summary="All sessions")
    async def list_sessions(
        request: Request,
        state: SessionState | None = None,
        agent: AgentId | None = None,
        created_from: AwareDatetime | None = None,
        created_before: AwareDatetime | None = None,
        limit: PageLimit = 50,
        cursor: Cursor = None,
    ) -> SessionList:
        """Return the sessions that run and those that are over, newest first, in pages."""
        principal = await require(services, request, Action.SESSIONS_READ)
        wanted = SessionFilter(
            workspace_id=principal.workspace_id,
            agent_ids=principal.agents or None,
            state=state,
            agent_id=agent,
            created_from=created_from.timestamp() if created_from else None,
            created_before=created_before.timestamp() if created_before else None,
        )
        page = await services.records.list(wanted, cursor, limit)
        return SessionList(
            sessions=[SessionView.of(each) for each in page.items], next_cursor=page.next_cursor
        )

    @router.get("/{session_id}", summary="One session, with all that was said")
    async def read_session(session_id: str, request: Request) -> SessionDetail:
        """Return state, transcript, latency of each turn, timeline and recordings."""
        await require_in_session(services, request, Action.SESSIONS_READ, session_id)
        record = await services.records.read(session_id)
        recordings = await asyncio.to_thread(services.recordings.list, session_id)
        return SessionDetail.of_record(record, recordings)

    @router.get(
        "/{session_id}/events",
        summary="Subscribe to a session's events",
        response_class=StreamingResponse,
        responses=EVENT_STREAM,
    )
    async def follow_session(
        session_id: str, request: Request, after: After = 0, last_event_id: LastEventId = None
    ) -> Response:
        """Send the events of a session as they come, until it is over; begin behind a number.

        When the stream ends and the session is not over, come again with the last number.
        """
        await require_in_session(services, request, Action.SESSIONS_READ, session_id)
        number = number_after(after, last_event_id)
        if not await services.records.may_have_more(session_id, number):
            return Response(status_code=204)
        return event_stream(services.records.follow(session_id, number))

    @router.post(
        "/{session_id}/say",
        status_code=202,
        dependencies=[JSON_ONLY],
        summary="Let the agent say something",
    )
    async def say(session_id: str, request: Request, body: SayRequest) -> Status:
        """Let the agent say the text, when it has said what it is saying now."""
        await require_in_session(services, request, Action.SESSIONS_WRITE, session_id)
        await services.sessions.say(session_id, body.text)
        return ACCEPTED

    @router.post(
        "/{session_id}/messages",
        status_code=202,
        dependencies=[JSON_ONLY],
        summary="Send text as the user",
    )
    async def send_message(session_id: str, request: Request, body: MessageRequest) -> Status:
        """Take the text as a turn of the user, as if he had typed it; the agent answers aloud."""
        await require_in_session(services, request, Action.SESSIONS_WRITE, session_id)
        await services.sessions.take_text(session_id, body.text)
        return ACCEPTED

    @router.delete("/{session_id}", status_code=204, summary="End a session, or erase it")
    async def end_session(
        session_id: str,
        request: Request,
        erase: Annotated[
            bool, Query(description="Forget it as well, with all that it left.")
        ] = False,
    ) -> None:
        """Hang up. Ending a session that is over does nothing."""
        action = Action.SESSIONS_ERASE if erase else Action.SESSIONS_WRITE
        await require_in_session(services, request, action, session_id)
        if erase:
            await services.sessions.erase(session_id)
        else:
            await _end(session_id)

    async def _end(session_id: str) -> None:
        try:
            await services.sessions.end(session_id)
        except SessionNotFoundError:
            # The store forgets what is over sooner than the archive does.
            await services.records.read(session_id)

    return router
