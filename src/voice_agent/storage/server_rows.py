"""The servers that share the database, as they tell of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from voice_agent.storage.database import Database
from voice_agent.storage.tables import ServerRow


@dataclass(frozen=True)
class KnownServer:
    """Where a server is reached, and when, by its own clock, it last said that it lives."""

    url: str
    beat_at: float


class ServerRows:
    """Reads and writes them; what can fail says so with StorageUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, name: str, server: KnownServer) -> Mapping[str, KnownServer]:
        """Keep what one server says of itself; return what all had said before, by name."""
        values = {"url": server.url, "beat_at": server.beat_at}
        keep = (
            self._database.insert(ServerRow)
            .values(name=name, **values)
            .on_conflict_do_update(index_elements=[ServerRow.name], set_=values)
        )

        def write(connection: Connection) -> Mapping[str, KnownServer]:
            before = _all(connection)
            connection.execute(keep)
            return before

        return await self._database.write(write)

    async def all(self) -> Mapping[str, KnownServer]:
        """Return what all have said, by name."""
        return await self._database.read(_all)

    async def remove(self, name: str, beat_at: float | None = None) -> None:
        """Forget a server; with `beat_at` only if it has said nothing since."""
        forget = delete(ServerRow).where(ServerRow.name == name)
        if beat_at is not None:
            forget = forget.where(ServerRow.beat_at == beat_at)
        await self._database.write(lambda connection: connection.execute(forget))


def _all(connection: Connection) -> Mapping[str, KnownServer]:
    query = select(ServerRow.name, ServerRow.url, ServerRow.beat_at)
    return {row.name: KnownServer(row.url, row.beat_at) for row in connection.execute(query)}
