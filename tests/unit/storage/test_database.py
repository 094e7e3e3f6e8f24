import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text

from voice_agent.core.errors import SettingsError
from voice_agent.storage.database import UPGRADE_COMMAND, Database, database_url, sqlite_url
from voice_agent.storage.tables import Base, WorkspaceRow


async def test_the_migrations_make_the_tables_that_the_code_describes(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_default_workspace_is_there(database: Database) -> None:
    async with database.reading() as session:
        assert list(await session.scalars(select(WorkspaceRow.id))) == ["default"]


async def test_a_prepared_database_is_prepared_again(database: Database) -> None:
    await database.prepare()
    await database.upgrade()


async def test_processes_may_prepare_an_empty_database_at_once(
    tmp_path: Path, postgresql_url: str
) -> None:
    for url in (sqlite_url(tmp_path / "new.db"), database_url(postgresql_url)):
        several = [Database(url) for _ in range(3)]
        await asyncio.gather(*(each.prepare() for each in several))
        await asyncio.gather(*(each.close() for each in several))


async def test_an_empty_database_that_another_process_is_just_making_is_waited_for(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new.db"
    database = Database(sqlite_url(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        preparing = asyncio.create_task(database.prepare())
        done, _ = await asyncio.wait({preparing}, timeout=0.3)
        assert not done, "it did not wait"
        other.execute("ROLLBACK")
    await preparing
    await database.close()


async def _set_revision(database: Database, revision: str) -> None:
    async with database.writing() as session:
        await session.execute(
            text("UPDATE alembic_version SET version_num = :new"), {"new": revision}
        )


async def test_a_schema_ahead_of_the_code_is_refused(database: Database) -> None:
    await _set_revision(database, "9999")
    with pytest.raises(SettingsError, match="newer"):
        await database.prepare()
    with pytest.raises(SettingsError, match="newer"):
        await database.upgrade()


async def test_a_schema_behind_the_code_is_refused_with_the_command_and_can_be_upgraded(
    database: Database,
) -> None:
    async with database.writing() as session:
        await session.execute(text("DROP TABLE servers"))
    await _set_revision(database, "0001")
    with pytest.raises(SettingsError, match=UPGRADE_COMMAND):
        await database.prepare()
    await database.upgrade()
    await database.prepare()
    await test_the_migrations_make_the_tables_that_the_code_describes(database)


async def test_a_database_with_other_tables_is_refused(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "other.db"))
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE shopping (item TEXT)"))
    with pytest.raises(SettingsError, match="not ours"):
        await database.prepare()
    await database.close()


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    database = Database(database_url("postgresql://me:secret@127.0.0.1:1/calls"))
    with pytest.raises(SettingsError, match="VOICE_AGENT_DATABASE_URL") as caught:
        await database.prepare()
    assert "secret" not in str(caught.value)


async def test_sqlite_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "voice-agent.db"
    database = Database(sqlite_url(file))
    await database.prepare()
    await database.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    database = Database(sqlite_url(tmp_path / "file" / "voice-agent.db"))
    with pytest.raises(SettingsError, match="VOICE_AGENT_DATA_DIR"):
        await database.prepare()


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+asyncpg"),
        ("sqlite:///x.db", "sqlite+aiosqlite"),
    ],
)
def test_our_own_driver_is_used(written: str, driver: str) -> None:
    assert database_url(written).drivername == driver


@pytest.mark.parametrize("written", ["mysql://u@h/d", "nonsense", ""])
def test_another_database_is_refused_with_the_mend(written: str) -> None:
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_DATABASE_URL.*postgresql://"):
        database_url(written)


async def test_two_writers_wait_for_each_other(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.writing() as session:
            await session.scalars(select(WorkspaceRow.id))
            await asyncio.sleep(0)
            session.add(WorkspaceRow(id=f"w{number}", name="x", created_at=1.0))

    await asyncio.gather(*(add(number) for number in range(20)))
    async with database.reading() as session:
        assert len(list(await session.scalars(select(WorkspaceRow.id)))) == 21
