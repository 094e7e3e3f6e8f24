"""What is remembered of sessions: their turns, events and latencies, for who asks later."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from voice_agent.core.errors import KeyLimitError, SessionNotFoundError
from voice_agent.core.pages import Page
from voice_agent.core.session import Checkpoint, KeyLimits, SessionState
from voice_agent.core.session_journal import (
    RememberedEvent,
    RememberedSession,
    RememberedTurn,
)
from voice_agent.storage.database import Database
from voice_agent.storage.newest_first import newest_first, page_of
from voice_agent.storage.tables import EventRow, SessionRow, TurnRow

A_MINUTE_S: Final = 60.0
ERASED_AT_ONCE: Final = 200
"""How many sessions that are too old are named at once."""


_UPDATE: Final = (
    update(SessionRow)
    .where(SessionRow.id == bindparam("of"), SessionRow.epoch <= bindparam("as_of"))
    .values(
        epoch=bindparam("as_of"),
        state=bindparam("is_now"),
        end_reason=bindparam("ended_by"),
        connected_at=bindparam("connected"),
        ended_at=bindparam("ended"),
        legs=bindparam("leg_count"),
        turns=bindparam("turn_count"),
    )
)


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions to list; None: any. Times are wall time in seconds."""

    workspace_id: str
    state: SessionState | None = None
    agent_id: str | None = None
    agent_ids: Collection[str] | None = None
    """Only of these agents; None: of all."""
    created_from: float | None = None
    created_before: float | None = None


@dataclass(frozen=True)
class NumberedTurn:
    """A turn and its place in the conversation, from 0 on."""

    number: int
    turn: RememberedTurn


@dataclass(frozen=True)
class Entry:
    """What is new of one session; an owner with an older epoch than the last writes nothing."""

    session: RememberedSession
    epoch: int
    turns: Sequence[NumberedTurn]
    events: Sequence[RememberedEvent]


class SessionArchive:
    """Reads and writes. `wall_time` returns seconds since the Unix epoch."""

    def __init__(self, database: Database, wall_time: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall_time = wall_time

    async def begin(self, checkpoint: Checkpoint, epoch: int, limits: KeyLimits) -> None:
        """Remember a new session.

        Raises:
            KeyLimitError: Its key has as many sessions as it may.
            StorageUnavailableError: The database does not answer.
        """
        row = {**_columns(RememberedSession.of(checkpoint)), "epoch": epoch}

        def write(connection: Connection) -> None:
            if checkpoint.key_id is not None and limits != KeyLimits():
                self._database.take_turns(connection, checkpoint.key_id)
                for problem, query in self._limit_queries(checkpoint.key_id, limits):
                    if connection.execute(query).scalar():
                        raise KeyLimitError(problem)
            connection.execute(insert(SessionRow), row)

        await self._database.write(write)

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write what is new, all of it or nothing; sessions that were erased stay so.

        Raises:
            StorageUnavailableError: The database does not answer, or takes nothing now.
        """
        await self._database.write(lambda connection: self._write(connection, entries))

    def _write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        events: list[dict[str, Any]] = []
        turns: list[dict[str, Any]] = []
        for entry in entries:
            session = entry.session
            done = connection.execute(
                _UPDATE,
                {
                    "of": session.id,
                    "as_of": entry.epoch,
                    "is_now": str(session.state),
                    "ended_by": session.end_reason and str(session.end_reason),
                    "connected": session.connected_at,
                    "ended": session.ended_at,
                    "leg_count": session.legs,
                    "turn_count": session.turns,
                },
            )
            if done.rowcount:
                events += [_event_row(session.id, event) for event in entry.events]
                turns += [_turn_row(session.id, each) for each in entry.turns]
        if events:
            known = self._database.insert(EventRow)
            connection.execute(known.on_conflict_do_nothing(), events)
        if turns:
            known = self._database.insert(TurnRow)
            connection.execute(
                known.on_conflict_do_update(
                    index_elements=["session_id", "number"],
                    set_={"text": known.excluded.text, "state": known.excluded.state},
                ),
                turns,
            )

    async def list(
        self, wanted: SessionFilter, cursor: str | None, limit: int
    ) -> Page[RememberedSession]:
        """Return sessions, newest first, `limit` at most, from behind `cursor` on.

        Raises:
            CursorInvalidError: The cursor is none of this list's.
            StorageUnavailableError: The database does not answer.
        """
        query = select(SessionRow.__table__).where(*_conditions(wanted))
        query = newest_first(query, SessionRow, cursor, limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _session)

    async def whose(self, session_id: str) -> tuple[str, str]:
        """Return the workspace and the agent of a session; raises as `read` does."""
        query = select(SessionRow.workspace_id, SessionRow.agent_id).where(
            SessionRow.id == session_id
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise _not_found(session_id)
        return row.workspace_id, row.agent_id

    async def read(self, session_id: str) -> tuple[RememberedSession, Sequence[RememberedTurn]]:
        """Return a session and its turns.

        Raises:
            SessionNotFoundError: None has that id, or it was erased.
            StorageUnavailableError: The database does not answer.
        """
        query = select(SessionRow.__table__).where(SessionRow.id == session_id)
        turns = select(TurnRow.__table__).where(TurnRow.session_id == session_id)
        row, kept = await self._database.read(
            lambda connection: (
                connection.execute(query).first(),
                connection.execute(turns.order_by(TurnRow.number)).all(),
            )
        )
        if row is None:
            raise _not_found(session_id)
        return _session(row), [
            RememberedTurn(turn.speaker, turn.state, turn.started_at, turn.text) for turn in kept
        ]

    async def events(
        self, session_id: str, after: int = 0, limit: int = 1000, type_: str | None = None
    ) -> Sequence[RememberedEvent]:
        """Return events of a session with higher numbers than `after`, in order, `limit` at most.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        query = select(EventRow.__table__).where(
            EventRow.session_id == session_id, EventRow.number > after
        )
        if type_ is not None:
            query = query.where(EventRow.kind == type_)
        query = query.order_by(EventRow.number).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [RememberedEvent(row.number, row.wall_time, row.kind, row.data) for row in rows]

    async def last_number(self, session_id: str) -> int:
        """Return the number of the last event that is kept, 0 when there is none."""
        query = select(func.max(EventRow.number)).where(EventRow.session_id == session_id)
        last = await self._database.read(lambda connection: connection.execute(query).scalar())
        return last or 0

    async def erase(self, session_id: str) -> None:
        """Forget a session with its turns and events."""
        query = delete(SessionRow).where(SessionRow.id == session_id)
        await self._database.write(lambda connection: connection.execute(query))

    async def ended_before(self, wall_time: float) -> Sequence[str]:
        """Return ids of sessions that ended before then, some of them where they are many."""
        query = select(SessionRow.id).where(SessionRow.ended_at < wall_time).limit(ERASED_AT_ONCE)
        return await self._database.read(
            lambda connection: list(connection.execute(query).scalars())
        )

    def _limit_queries(self, key_id: str, limits: KeyLimits) -> Sequence[tuple[str, Any]]:
        """Return what is wrong when a query answers with True, and the query."""
        count = select(func.count()).where(SessionRow.key_id == key_id)
        queries = []
        if limits.at_once is not None:
            running = count.where(SessionRow.state != SessionState.ENDED.value)
            words = f"this key may have {limits.at_once} sessions at once; end one, or wait"
            queries.append((words, select(running.scalar_subquery() >= limits.at_once)))
        if limits.a_minute is not None:
            recent = count.where(SessionRow.created_at > self._wall_time() - A_MINUTE_S)
            words = f"this key may begin {limits.a_minute} sessions a minute; wait a little"
            queries.append((words, select(recent.scalar_subquery() >= limits.a_minute)))
        return queries


def _not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(f"no session has the id '{session_id}'")


def _conditions(wanted: SessionFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [SessionRow.workspace_id == wanted.workspace_id]
    if wanted.state is not None:
        conditions.append(SessionRow.state == wanted.state.value)
    if wanted.agent_id is not None:
        conditions.append(SessionRow.agent_id == wanted.agent_id)
    if wanted.agent_ids is not None:
        conditions.append(SessionRow.agent_id.in_(wanted.agent_ids))
    if wanted.created_from is not None:
        conditions.append(SessionRow.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(SessionRow.created_at < wanted.created_before)
    return conditions


def _columns(session: RememberedSession) -> dict[str, Any]:
    columns = dict(vars(session))
    columns["details"] = dict(columns.pop("metadata"))
    return columns


def _session(row: Any) -> RememberedSession:
    columns = dict(row._mapping)
    del columns["epoch"]
    return RememberedSession(metadata=columns.pop("details"), **columns)


def _event_row(session_id: str, event: RememberedEvent) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "number": event.number,
        "wall_time": event.wall_time,
        "kind": event.type,
        "data": dict(event.data),
    }


def _turn_row(session_id: str, numbered: NumberedTurn) -> dict[str, Any]:
    turn = numbered.turn
    return {
        "session_id": session_id,
        "number": numbered.number,
        "speaker": turn.speaker,
        "state": turn.state,
        "started_at": turn.started_at,
        "text": turn.text,
    }
