"""Hears of sessions that begin and end, and makes messages of it, off the audio path."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from loguru import logger

from voice_agent.core.errors import SessionNotFoundError, StorageUnavailableError
from voice_agent.core.events import ClientConnected, Event, SessionStateChanged
from voice_agent.core.process_ids import new_id
from voice_agent.core.session import EndReason, SessionState
from voice_agent.core.session_journal import RememberedSession, RememberedTurn
from voice_agent.storage.delivery_rows import DeliveryRows
from voice_agent.storage.webhook_rows import Webhook, WebhookRows

WAITING_LIMIT: Final = 10_000
"""How many happenings wait while the database is away; what comes then is lost, and counted."""
RETRY_S: Final = 2.0
SAME_MOMENT_S: Final = 1.0
"""A client that connects later than this after the first is one that comes back."""
STOP_TIMEOUT_S: Final = 5.0
MESSAGE: Final = "msg"


class WebhookEvent(StrEnum):
    """What a webhook can be told of."""

    STARTED = "session.started"
    ENDED = "session.ended"
    FAILED = "session.failed"
    TEST = "webhook.test"


SessionAndTurns = tuple[RememberedSession, Sequence[RememberedTurn]]
"""What is known of a session, and what was said in it."""


@dataclass(frozen=True)
class _Happening:
    session_id: str
    event: WebhookEvent
    wall_time: float


def happenings_of(event: Event) -> Sequence[WebhookEvent]:
    """Return what webhooks are to be told because of an event of a session."""
    match event.payload:
        case ClientConnected():
            return (WebhookEvent.STARTED,)
        case SessionStateChanged(state=SessionState.ENDED, reason=EndReason.FAILED):
            return (WebhookEvent.FAILED, WebhookEvent.ENDED)
        case SessionStateChanged(state=SessionState.ENDED):
            return (WebhookEvent.ENDED,)
    return ()


class WebhookListener:
    """A listener of events, with one task that writes messages into the database.

    Args:
        webhooks: Who wants to be told.
        deliveries: Where messages go.
        workspace_of: Returns whose a session is; raises as `read` does.
        read: Returns what is known of a session, SessionNotFoundError when it was erased.
        wake: Called when there is something to send.
    """

    def __init__(
        self,
        webhooks: WebhookRows,
        deliveries: DeliveryRows,
        workspace_of: Callable[[str], Awaitable[str]],
        read: Callable[[str], Awaitable[SessionAndTurns]],
        wake: Callable[[], None],
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._workspace_of = workspace_of
        self._read = read
        self._wake = wake
        self._waiting: deque[_Happening] = deque()
        self._work = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0
        """How many happenings nobody was told of."""

    def __call__(self, event: Event) -> None:
        """Take down what happened, when somebody may want to know."""
        for what in happenings_of(event):
            if len(self._waiting) >= WAITING_LIMIT:
                if self.dropped == 0:
                    logger.error("webhooks are not told everything: the database is away too long")
                self.dropped += 1
            else:
                self._waiting.append(_Happening(event.session_id, what, event.wall_time))
                self._work.set()

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="webhook messages")

    async def stop(self) -> None:
        """Write what waits, and end; what a database does not take is lost, with a word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                while True:
                    if await self._write():
                        return
                    await asyncio.sleep(RETRY_S / 4)
        except TimeoutError:
            logger.error("webhooks are not told of {} happenings", len(self._waiting))

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if not await self._write():
                await asyncio.sleep(RETRY_S)
                self._work.set()

    async def _write(self) -> bool:
        """Return whether nothing waits any more."""
        async with self._writing:
            while self._waiting:
                try:
                    await self._tell(self._waiting[0])
                except SessionNotFoundError:
                    pass
                except StorageUnavailableError as error:
                    logger.warning("webhooks wait for the database: {}", error)
                    return False
                except Exception:  # noqa: BLE001 - one fault must not hold up the rest
                    self.dropped += 1
                    logger.exception("a webhook could not be told")
                self._waiting.popleft()
        return True

    async def _tell(self, happening: _Happening) -> None:
        # Most often nobody wants to know: that must cost little.
        workspace_id = await self._workspace_of(happening.session_id)
        wanting = await self._webhooks.wanting(workspace_id, happening.event)
        if not wanting:
            return
        kept = await self._read(happening.session_id)
        is_start = happening.event is WebhookEvent.STARTED
        if is_start and _has_connected_before(kept, happening.wall_time):
            return
        data = session_data(kept, ended=not is_start)
        await self._deliveries.add(
            [
                message(webhook, happening.session_id, happening.event, happening.wall_time, data)
                for webhook in wanting
            ]
        )
        self._wake()


def message(
    webhook: Webhook,
    session_id: str,
    event: WebhookEvent,
    wall_time: float,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a new delivery to `webhook`, for `DeliveryRows.add`."""
    message_id = new_id(MESSAGE)
    body = {"type": event, "id": message_id, "timestamp": _moment(wall_time), "data": data}
    return {
        "id": message_id,
        "webhook_id": webhook.id,
        "session_id": session_id,
        "event": str(event),
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }


def session_data(kept: SessionAndTurns, *, ended: bool) -> dict[str, Any]:
    """Return what a message says of a session; what was said in it only when that is over."""
    session, turns = kept
    data: dict[str, Any] = {
        "session_id": session.id,
        "agent": {"id": session.agent_id, "version": session.agent_version},
        "metadata": dict(session.metadata),
        "created_at": _moment(session.created_at),
        "connected_at": _moment(session.connected_at),
    }
    if ended:
        data |= {
            "ended_at": _moment(session.ended_at),
            "end_reason": session.end_reason,
            "legs": session.legs,
            "turns": session.turns,
            "transcript": [
                {
                    "speaker": turn.speaker,
                    "text": turn.text,
                    "started_at": _moment(turn.started_at),
                    "state": turn.state,
                }
                for turn in turns
            ],
        }
    return data


def _has_connected_before(kept: SessionAndTurns, wall_time: float) -> bool:
    session, _ = kept
    return session.connected_at is not None and wall_time > session.connected_at + SAME_MOMENT_S


def _moment(wall_time: float | None) -> str | None:
    return None if wall_time is None else datetime.fromtimestamp(wall_time, UTC).isoformat()
