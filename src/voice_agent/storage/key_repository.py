"""Keys in the database."""

from sqlalchemy import or_, select, update

from voice_agent.core.account_errors import KeyNotFoundError
from voice_agent.core.pages import Page
from voice_agent.storage.database import Database
from voice_agent.storage.newest_first import newest_first, page_of
from voice_agent.storage.tables import KeyRow


class KeyRepository:
    """Reads and writes `KeyRow`; what it returns is detached from the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: KeyRow) -> None:
        """Keep a new key."""
        async with self._database.writing() as session:
            session.add(key)

    async def find(self, key_id: str) -> KeyRow | None:
        """Return the key of any workspace, None when there is none."""
        async with self._database.reading() as session:
            return await session.get(KeyRow, key_id)

    async def read(self, workspace_id: str, key_id: str) -> KeyRow:
        """Return the key; raise KeyNotFoundError when that workspace has none with the id."""
        key = await self.find(key_id)
        if key is None or key.workspace_id != workspace_id:
            raise KeyNotFoundError(f"no key has the id '{key_id}'; GET /v1/keys lists them")
        return key

    async def list(self, workspace_id: str, limit: int, cursor: str | None) -> Page[KeyRow]:
        """Return up to `limit` keys, newest first, that stand behind `cursor`. Revoked ones too.

        Raises:
            CursorInvalidError: No page has ended with that cursor.
        """
        query = select(KeyRow).where(KeyRow.workspace_id == workspace_id)
        query = newest_first(query, KeyRow, cursor, limit)
        async with self._database.reading() as session:
            return page_of((await session.scalars(query)).all(), limit, lambda row: row)

    async def revoke(self, workspace_id: str, key_id: str, at: float) -> None:
        """Note that the key is revoked; one that was revoked earlier stays so.

        Raises:
            KeyNotFoundError: That workspace has no key with the id.
        """
        await self.read(workspace_id, key_id)
        async with self._database.writing() as session:
            await session.execute(
                update(KeyRow)
                .where(KeyRow.id == key_id, KeyRow.revoked_at.is_(None))
                .values(revoked_at=at)
            )

    async def note_use(self, key_id: str, at: float) -> None:
        """Note when the key was last used."""
        async with self._database.writing() as session:
            await session.execute(update(KeyRow).where(KeyRow.id == key_id).values(last_used_at=at))

    async def origins(self, kind: str, at: float) -> frozenset[str]:
        """Return the origins of all keys of `kind` that are neither revoked nor expired."""
        query = select(KeyRow.origins).where(
            KeyRow.kind == kind,
            KeyRow.revoked_at.is_(None),
            or_(KeyRow.expires_at.is_(None), KeyRow.expires_at > at),
        )
        async with self._database.reading() as session:
            return frozenset(
                origin for origins in await session.scalars(query) for origin in origins
            )
