"""Recordings of sessions: list, fetch, remove."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from voice_agent.accounts.authorize import Action
from voice_agent.api.credentials import require_in_session
from voice_agent.api.services import ApiServices
from voice_agent.api.views import RecordingList, RecordingView
from voice_agent.core.errors import RangeInvalidError

MEDIA_TYPE = "audio/ogg"


class RecordingResponse(FileResponse):
    """A file as it was when it was asked for: one that still grows must not outgrow its length."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or the part that the request asks for."""
        left = 0

        async def send_no_more(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                if message["status"] >= HTTPStatus.BAD_REQUEST:
                    raise _no_such_part(int(self.headers["content-length"]))
                headers = dict(message["headers"])
                left = int(headers[b"content-length"])
            elif message["type"] == "http.response.body":
                message = {**message, "body": message.get("body", b"")[:left]}
                left -= len(message["body"])
            await send(message)

        await super().__call__(scope, receive, send_no_more)


def _no_such_part(size: int) -> RangeInvalidError:
    return RangeInvalidError(
        f"The recording has {size} bytes; ask for 'Range: bytes=FIRST-LAST' within them",
        {"Content-Range": f"bytes */{size}"},
    )


def recording_routes(services: ApiServices) -> APIRouter:
    """Return the routes under `/v1/sessions/{id}/recordings`."""
    router = APIRouter(prefix="/v1/sessions/{session_id}/recordings", tags=["recordings"])
    files = services.recordings

    @router.get("", summary="A session's recordings")
    async def list_recordings(session_id: str, request: Request) -> RecordingList:
        """Return what was recorded, a file for each leg, oldest first."""
        await require_in_session(services, request, Action.RECORDINGS_READ, session_id)
        recordings = await asyncio.to_thread(files.list, session_id)
        return RecordingList(recordings=[RecordingView.of(each) for each in recordings])

    @router.get(
        "/{number}",
        summary="One recording",
        response_class=RecordingResponse,
        responses={
            200: {"content": {MEDIA_TYPE: {}}, "description": "All of it: Opus in Ogg, stereo."},
            206: {"content": {MEDIA_TYPE: {}}, "description": "The part that was asked for."},
        },
    )
    async def read_recording(session_id: str, number: int, request: Request) -> RecordingResponse:
        """Return the audio: left the caller, right the agent. What still grows, as it is now."""
        await require_in_session(services, request, Action.RECORDINGS_READ, session_id)
        path = await asyncio.to_thread(files.path, session_id, number)
        return RecordingResponse(
            path,
            media_type=MEDIA_TYPE,
            headers={"Cache-Control": "no-store"},
            filename=f"{session_id}-{number}.ogg",
            content_disposition_type="inline",
        )

    @router.delete("", status_code=204, summary="Remove a session's recordings")
    async def remove_recordings(session_id: str, request: Request) -> None:
        """Remove all of them, and what is being recorded now; the call goes on."""
        await require_in_session(services, request, Action.RECORDINGS_WRITE, session_id)
        await asyncio.to_thread(files.remove, session_id)

    return router
