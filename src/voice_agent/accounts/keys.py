"""Secret and publishable keys: made, listed, revoked, and recognised."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from loguru import logger

from voice_agent.accounts.authorize import Action
from voice_agent.accounts.key_text import KeyKind, KeyText
from voice_agent.accounts.principal import Principal, PrincipalKind
from voice_agent.accounts.short_memory import ShortMemory
from voice_agent.accounts.site_origin import site_origin
from voice_agent.core.account_errors import AccountInvalidError, CredentialInvalidError
from voice_agent.core.clock import Clock
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.pages import Page
from voice_agent.storage.key_repository import KeyRepository
from voice_agent.storage.tables import KeyRow

NOTED_EVERY_S: Final = 60.0
"""At most so often a process writes when a key was last used, in seconds."""

_PRINCIPAL_KINDS: Final = {
    KeyKind.SECRET: PrincipalKind.SECRET_KEY,
    KeyKind.PUBLISHABLE: PrincipalKind.PUBLISHABLE_KEY,
}


@dataclass(frozen=True)
class KeyWish:
    """What a new key is to be; `expires_at` in seconds of wall time, None for never."""

    kind: KeyKind
    name: str
    scopes: frozenset[Action] = frozenset()
    agents: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    max_sessions: int | None = None
    sessions_per_minute: int | None = None
    expires_at: float | None = None


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; `text` is never known again."""

    row: KeyRow
    text: str


class Keys:
    """All keys. `changed` is awaited after a key was made or revoked."""

    def __init__(
        self, repository: KeyRepository, clock: Clock, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._changed = changed
        self._memory = ShortMemory(repository.find, clock.monotonic)
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def create(self, workspace_id: str, wish: KeyWish, created_by: str | None) -> NewKey:
        """Make a key.

        Raises:
            AccountInvalidError: There can be no such key; the message says why.
        """
        now = self._clock.wall()
        _check(wish, now)
        key = KeyText.new(wish.kind)
        row = KeyRow(
            id=key.id,
            workspace_id=workspace_id,
            kind=wish.kind.value,
            name=wish.name,
            digest=key.digest,
            hint=key.hint,
            scopes=sorted(wish.scopes),
            agents=sorted(set(wish.agents)),
            origins=sorted(set(map(site_origin, wish.origins))),
            max_sessions=wish.max_sessions,
            sessions_per_minute=wish.sessions_per_minute,
            created_at=now,
            created_by=created_by,
            expires_at=wish.expires_at,
            revoked_at=None,
            last_used_at=None,
        )
        await self._repository.add(row)
        await self._changed()
        return NewKey(row, key.text)

    async def list(self, workspace_id: str, limit: int, cursor: str | None) -> Page[KeyRow]:
        """Return up to `limit` keys, newest first, that stand behind `cursor`. Revoked ones too.

        Raises:
            CursorInvalidError: No page has ended with that cursor.
        """
        return await self._repository.list(workspace_id, limit, cursor)

    async def read(self, workspace_id: str, key_id: str) -> KeyRow:
        """Return the key, or raise KeyNotFoundError."""
        return await self._repository.read(workspace_id, key_id)

    async def revoke(self, workspace_id: str, key_id: str) -> None:
        """Let the key open nothing any more; raise KeyNotFoundError when there is none."""
        await self._repository.revoke(workspace_id, key_id, self._clock.wall())
        self._memory.forget(key_id)
        await self._changed()

    async def authenticate(self, text: str) -> Principal:
        """Return who brings the key `text`.

        Raises:
            CredentialInvalidError: There is no such key, or it is revoked or expired.
        """
        key = KeyText.parse(text)
        row = None if key is None else await self._memory.get(key.id)
        if key is None or row is None or not hmac.compare_digest(row.digest, key.digest):
            raise CredentialInvalidError("this key is not valid; an administrator can make one")
        now = self._clock.wall()
        if row.revoked_at is not None:
            raise CredentialInvalidError(f"the key '{row.name}' is revoked; use another one")
        if row.expires_at is not None and now >= row.expires_at:
            raise CredentialInvalidError(f"the key '{row.name}' is expired; use another one")
        self._note_use(row, now)
        return Principal(
            kind=_PRINCIPAL_KINDS[key.kind],
            workspace_id=row.workspace_id,
            id=row.id,
            scopes=frozenset(row.scopes),
            agents=frozenset(row.agents),
            origins=frozenset(row.origins),
            max_sessions=row.max_sessions,
            sessions_per_minute=row.sessions_per_minute,
        )

    async def close(self) -> None:
        """Return when everything is written."""
        await asyncio.gather(*self._notes)

    def _note_use(self, row: KeyRow, now: float) -> None:
        """Write when the key was last used, beside the request that used it."""
        noted = self._noted.get(row.id, row.last_used_at or 0.0)
        if now - noted < NOTED_EVERY_S:
            return
        self._noted[row.id] = now
        task = asyncio.create_task(self._write_use(row.id, now), name="last use of a key")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_use(self, key_id: str, at: float) -> None:
        try:
            await self._repository.note_use(key_id, at)
        except StorageUnavailableError as error:
            logger.warning("the last use of key {} cannot be noted: {}", key_id, error)


def _check(wish: KeyWish, now: float) -> None:
    if wish.expires_at is not None and wish.expires_at <= now:
        raise AccountInvalidError("expires_at: this is in the past")
    if wish.kind is KeyKind.PUBLISHABLE:
        if not wish.origins:
            raise AccountInvalidError(
                "origins: a publishable key needs the sites whose pages may use it, such as "
                "https://shop.example.com"
            )
        if wish.scopes:
            raise AccountInvalidError(
                "scopes: a publishable key has none; all it can do is start a session"
            )
        return
    if not wish.scopes:
        raise AccountInvalidError("scopes: a secret key needs at least one")
    if wish.origins:
        raise AccountInvalidError(
            "origins: a secret key has none, it must not be in a browser; make a publishable one"
        )
