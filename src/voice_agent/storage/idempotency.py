"""Requests that must not be carried out twice, and what was answered to them."""

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from voice_agent.core.errors import IdempotencyKeyReusedError, RequestInProgressError
from voice_agent.storage.database import Database
from voice_agent.storage.tables import IdempotencyRow

KEPT_S: Final = 24 * 3600.0
"""How long a key is known."""
AT_WORK_S: Final = 60.0
"""After how long a request that was never answered is taken for lost with its process."""


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an idempotency key; `fingerprint` is the same for the same request."""

    workspace_id: str
    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True)
class KeptAnswer:
    """An HTTP status and a body; `is_repeated` says that the request had been answered before."""

    status: int
    body: str
    is_repeated: bool = False


class Idempotency:
    """Carries out each request once.

    Answers may hold secrets that are shown once: they are kept encrypted, with the server's secret
    and the client's key. `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(
        self, database: Database, secret: str, wall_time: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._secret = secret
        self._wall_time = wall_time

    async def once(
        self, request: KeyedRequest, work: Callable[[], Awaitable[KeptAnswer]]
    ) -> KeptAnswer:
        """Return what `work` answers, or what it answered to the same request before.

        A request that fails may be sent again with its key.

        Raises:
            IdempotencyKeyReusedError: The key was sent with another request.
            RequestInProgressError: The same request is being carried out.
            StorageUnavailableError: The database does not answer.
        """
        known = await self._known(request)
        if known is not None:
            return known
        try:
            answer = await work()
        except BaseException:
            await self._forget(request)
            raise
        sealed = self._seal(request).encrypt(answer.body.encode()).decode()
        done = (
            update(IdempotencyRow)
            .where(_is(request))
            .values(status=int(answer.status), answer=sealed)
        )
        await self._database.write(lambda connection: connection.execute(done))
        return answer

    async def remove_old(self) -> None:
        """Forget keys that are too old."""
        old = IdempotencyRow.created_at < self._wall_time() - KEPT_S
        query = delete(IdempotencyRow).where(old)
        await self._database.write(lambda connection: connection.execute(query))

    async def _known(self, request: KeyedRequest) -> KeptAnswer | None:
        """Return what was answered before; None when the request is to be carried out now."""
        now = self._wall_time()
        row = {
            "workspace_id": request.workspace_id,
            "caller": request.caller,
            "key": request.key,
            "fingerprint": request.fingerprint,
            "status": None,
            "answer": None,
            "created_at": now,
        }
        insert = self._database.insert(IdempotencyRow).on_conflict_do_nothing()
        query = select(
            IdempotencyRow.fingerprint,
            IdempotencyRow.status,
            IdempotencyRow.answer,
            IdempotencyRow.created_at,
        ).where(_is(request))

        def find(connection: Connection) -> Any:
            if connection.execute(insert, row).rowcount:
                return None
            found = connection.execute(query).one()
            is_lost = found.status is None and found.created_at < now - AT_WORK_S
            if is_lost or found.created_at < now - KEPT_S:
                connection.execute(update(IdempotencyRow).where(_is(request)).values(row))
                return None
            return found

        found = await self._database.write(find)
        if found is None:
            return None
        if found.fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedError(
                "this Idempotency-Key came with another request before; make a new key"
            )
        if found.status is None:
            raise RequestInProgressError("this request is being carried out; ask again soon")
        try:
            body = self._seal(request).decrypt(found.answer.encode()).decode()
        except InvalidToken:
            raise IdempotencyKeyReusedError(
                "the answer to this Idempotency-Key cannot be read any more, as the server's "
                "secret key has changed; make a new key"
            ) from None
        return KeptAnswer(found.status, body, is_repeated=True)

    async def _forget(self, request: KeyedRequest) -> None:
        query = delete(IdempotencyRow).where(_is(request))
        await self._database.write(lambda connection: connection.execute(query))

    def _seal(self, request: KeyedRequest) -> Fernet:
        parts = f"idempotency\0{self._secret}\0{request.caller}\0{request.key}"
        return Fernet(urlsafe_b64encode(hashlib.sha256(parts.encode()).digest()))


def _is(request: KeyedRequest) -> ColumnElement[bool]:
    return and_(
        IdempotencyRow.workspace_id == request.workspace_id,
        IdempotencyRow.caller == request.caller,
        IdempotencyRow.key == request.key,
    )
