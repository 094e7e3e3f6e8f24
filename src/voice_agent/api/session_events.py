"""A session's events as server-sent events, which a client can resume by number."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import Header, Query
from fastapi.responses import StreamingResponse

from voice_agent.api.views import EventView
from voice_agent.core.session_journal import RememberedEvent

KEEP_ALIVE_S: Final = 15.0
"""After so long without an event a comment is sent, so that proxies keep the connection."""
MEDIA_TYPE: Final = "text/event-stream"
EVENT_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events as they come: `id` is the number, `event` the type, `data` the "
        "event in JSON.",
        "content": {MEDIA_TYPE: {}},
    },
    204: {"description": "The session is over, and there are no later events."},
}

MAX_NUMBER: Final = 2**31 - 1
After = Annotated[int, Query(ge=0, le=MAX_NUMBER, description="Only events with a higher number.")]
LastEventId = Annotated[
    str | None,
    Header(max_length=20, description="What browsers send when they come back; before `after`."),
]


def number_after(after: int, last_event_id: str | None) -> int:
    """Return the number behind which a client wants to go on."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return min(int(last_event_id), MAX_NUMBER)
    return after


def event_stream(events: AsyncIterator[RememberedEvent]) -> StreamingResponse:
    """Return a response that sends `events` as they come."""
    return StreamingResponse(
        _lines(events),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(events: AsyncIterator[RememberedEvent]) -> AsyncIterator[str]:
    yield ": events of one session\n\n"
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=KEEP_ALIVE_S)
            if not done:
                yield ": still here\n\n"
                continue
            event = coming.result()
            if event is None:
                return
            view = EventView.of(event).model_dump_json()
            yield f"id: {event.number}\nevent: {event.type}\ndata: {view}\n\n"
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        if (aclose := getattr(events, "aclose", None)) is not None:
            await aclose()
