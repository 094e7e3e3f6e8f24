"""A session store in the database: SQLite or PostgreSQL."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from voice_agent.core.errors import OwnershipLostError, SessionNotFoundError
from voice_agent.core.session import Checkpoint, SessionState
from voice_agent.core.session_store import Claim
from voice_agent.storage.checkpoint_codec import decode, encode, encode_agent
from voice_agent.storage.database import Database
from voice_agent.storage.tables import CheckpointRow

NOBODY: Final = ""
"""The owner of a session that was given up."""
TOUCHED_AT_ONCE: Final = 500
ABANDONED_LIMIT: Final = 100
"""How many abandoned sessions are named at once."""

_IS_CURRENT: Final = and_(
    CheckpointRow.session_id == bindparam("of"), CheckpointRow.epoch == bindparam("as_of")
)
_CHECKPOINT: Final = (
    update(CheckpointRow)
    .where(_IS_CURRENT)
    .values(content=bindparam("content"), is_over=bindparam("is_over"), written_at=bindparam("now"))
)
_TOUCH: Final = update(CheckpointRow).where(_IS_CURRENT).values(written_at=bindparam("now"))
_RELEASE: Final = update(CheckpointRow).where(_IS_CURRENT).values(owner=NOBODY)
_EPOCH: Final = select(CheckpointRow.epoch).where(CheckpointRow.session_id == bindparam("of"))
_OWNER: Final = select(CheckpointRow.owner).where(CheckpointRow.session_id == bindparam("of"))
_CLAIM: Final = (
    update(CheckpointRow)
    .where(CheckpointRow.session_id == bindparam("of"))
    .values(owner=bindparam("who"), epoch=CheckpointRow.epoch + 1, written_at=bindparam("now"))
    .returning(CheckpointRow.epoch, CheckpointRow.agent, CheckpointRow.content)
)


class SqlSessionStore:
    """Implements `SessionStore`. `wall_time` returns seconds since the Unix epoch."""

    outlives_process = True

    def __init__(self, database: Database, wall_time: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall_time = wall_time

    async def create(self, checkpoint: Checkpoint, owner: str) -> Claim:
        """Keep a new session, owned by `owner`; raise ValueError when its id is taken."""
        claim = Claim(checkpoint.session_id, owner, epoch=1)
        row = {
            "session_id": checkpoint.session_id,
            "owner": owner,
            "epoch": claim.epoch,
            "created_at": checkpoint.created_at,
            "written_at": self._wall_time(),
            "is_over": checkpoint.state is SessionState.ENDED,
            "agent": encode_agent(checkpoint.agent),
            "content": encode(checkpoint),
        }
        try:
            await self._database.write(
                lambda connection: connection.execute(insert(CheckpointRow), row)
            )
        except IntegrityError:
            raise ValueError(f"session {checkpoint.session_id} exists already") from None
        return claim

    async def load(self, session_id: str) -> Checkpoint:
        """Return the last checkpoint; raise SessionNotFoundError when there is none."""
        query = select(CheckpointRow.agent, CheckpointRow.content).where(
            CheckpointRow.session_id == session_id
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise _not_found(session_id)
        return decode(row.agent, row.content)

    async def claim(self, session_id: str, owner: str) -> tuple[Claim, Checkpoint]:
        """Take ownership; raise SessionNotFoundError when there is no such session."""
        values = {"of": session_id, "who": owner, "now": self._wall_time()}
        row = await self._database.write(
            lambda connection: connection.execute(_CLAIM, values).first()
        )
        if row is None:
            raise _not_found(session_id)
        return Claim(session_id, owner, row.epoch), decode(row.agent, row.content)

    async def owner(self, session_id: str) -> str | None:
        """Return who has the session, None when nobody has."""
        owner = await self._database.read(
            lambda connection: connection.execute(_OWNER, {"of": session_id}).scalar()
        )
        return owner or None

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; raise OwnershipLostError when `claim` is not the current one."""
        values = self._current(claim)

        # All of it in the database's thread, where it is one: the event loop has calls to carry.
        def write(connection: Connection) -> tuple[bool, int | None]:
            values["content"] = encode(checkpoint)
            values["is_over"] = checkpoint.state is SessionState.ENDED
            if connection.execute(_CHECKPOINT, values).rowcount:
                return True, None
            return False, connection.execute(_EPOCH, {"of": claim.session_id}).scalar()

        is_written, epoch = await self._database.write(write)
        if is_written:
            return
        if epoch is None:
            raise _not_found(claim.session_id)
        raise OwnershipLostError(
            f"session {claim.session_id} is at epoch {epoch}, this write has {claim.epoch}"
        )

    async def release(self, claim: Claim) -> None:
        """Give ownership up; an outdated claim changes nothing."""
        values = self._current(claim)
        current = {"of": values["of"], "as_of": values["as_of"]}
        await self._database.write(lambda connection: connection.execute(_RELEASE, current))

    async def remove(self, session_id: str) -> None:
        """Forget the session."""
        query = delete(CheckpointRow).where(CheckpointRow.session_id == session_id)
        await self._database.write(lambda connection: connection.execute(query))

    async def touch(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Say that the owner of `claims` lives; return those of them that are not current now."""

        def write(connection: Connection) -> dict[str, int]:
            current: dict[str, int] = {}
            for start in range(0, len(claims), TOUCHED_AT_ONCE):
                some = claims[start : start + TOUCHED_AT_ONCE]
                query = select(CheckpointRow.session_id, CheckpointRow.epoch).where(
                    CheckpointRow.session_id.in_([claim.session_id for claim in some])
                )
                current.update({row.session_id: row.epoch for row in connection.execute(query)})
                connection.execute(_TOUCH, [self._current(claim) for claim in some])
            return current

        current = await self._database.write(write)
        return [claim for claim in claims if current.get(claim.session_id) != claim.epoch]

    async def abandoned(self, silent_s: float) -> Sequence[str]:
        """Return ids of sessions that are not over and of which nothing was heard in `silent_s`."""
        query = (
            select(CheckpointRow.session_id)
            .where(CheckpointRow.is_over.is_(False))
            .where(CheckpointRow.written_at < self._wall_time() - silent_s)
            .limit(ABANDONED_LIMIT)
        )
        return await self._database.read(
            lambda connection: list(connection.execute(query).scalars())
        )

    async def remove_over(self, older_s: float) -> None:
        """Forget sessions that were over `older_s` seconds ago."""
        query = (
            delete(CheckpointRow)
            .where(CheckpointRow.is_over.is_(True))
            .where(CheckpointRow.written_at < self._wall_time() - older_s)
        )
        await self._database.write(lambda connection: connection.execute(query))

    def _current(self, claim: Claim) -> dict[str, object]:
        return {"of": claim.session_id, "as_of": claim.epoch, "now": self._wall_time()}


def _not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(f"no session has the id '{session_id}'")
