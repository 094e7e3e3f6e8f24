"""The database: SQLite in the data directory, or PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, func, insert, inspect, select
from sqlalchemy import create_engine as create_local_engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker
from sqlalchemy.ext.asyncio import create_async_engine as create_engine

from voice_agent.core.errors import SettingsError, StorageUnavailableError
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.tables import WorkspaceRow

SQLITE_BUSY_TIMEOUT_S: Final = 5.0
"""How long a write waits for the one of another process."""
CONNECT_TIMEOUT_S: Final = 5.0
POOL_SIZE: Final = 5
READERS: Final = 2
"""Threads that read SQLite; one writes, as it takes one writer at a time."""
UPGRADE_COMMAND: Final = "voice-agent database upgrade"

ResultT = TypeVar("ResultT")

_WRITES: Final = "voice_agent_writes"
_BUSY_STEP_S: Final = 0.02
_MIGRATION_LOCK: Final = 0x766F696365
"""PostgreSQL's advisory lock under which the schema is made: "voice" in ASCII."""
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def database_url(written: str) -> URL:
    """Return the address of a database with the driver that this project uses for its kind.

    Raises:
        SettingsError: It is no address, or of a kind of database that is not supported.
    """
    try:
        url = make_url(written)
    except ArgumentError:
        raise SettingsError(
            "VOICE_AGENT_DATABASE_URL: this is no database URL; "
            "postgresql://user:password@host/name is one"
        ) from None
    kind = url.drivername.partition("+")[0]
    kind = "postgresql" if kind == "postgres" else kind
    if kind not in _DRIVERS:
        raise SettingsError(
            f"VOICE_AGENT_DATABASE_URL: there is no support for '{url.drivername}'; "
            "use sqlite:///path or postgresql://user:password@host/name"
        )
    return url.set(drivername=_DRIVERS[kind])


def sqlite_url(path: Path) -> URL:
    """Return the address of the SQLite database in the file `path`."""
    return URL.create(_DRIVERS["sqlite"], database=str(path))


class Database:
    """Connections to one database, and its schema."""

    def __init__(self, url: URL) -> None:
        self.url = url
        options: dict[str, Any] = {}
        self._local: Engine | None = None
        if self.is_sqlite:
            options["connect_args"] = {"timeout": SQLITE_BUSY_TIMEOUT_S}
            self._local = create_local_engine(url.set(drivername="sqlite"), **options)
            _listen(self._local)
        else:
            options["pool_pre_ping"] = True
            options["pool_size"] = POOL_SIZE
            options["pool_timeout"] = CONNECT_TIMEOUT_S
            options["connect_args"] = {"timeout": CONNECT_TIMEOUT_S}
        self.engine = create_engine(url, **options)
        if self.is_sqlite:
            _listen(self.engine.sync_engine)
        self._writer = ThreadPoolExecutor(1, "database writer")
        self._readers = ThreadPoolExecutor(READERS, "database reader")
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Begin a transaction that only reads.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        with _answered():
            async with self.sessions() as session, session.begin():
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Begin a transaction; it is committed at the end, or rolled back when that is an error.

        In SQLite it waits for its turn at the beginning: one that reads first and then finds
        another writer at work would fail at once instead of waiting.

        Raises:
            StorageUnavailableError: The database does not answer, or takes nothing now.
            IntegrityError: A constraint of a table forbids it.
        """
        with _answered():
            async with self.sessions() as session, session.begin():
                await session.connection(execution_options={_WRITES: True})
                yield session

    async def read(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Return what `work` reads in one transaction; for what is done often.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        return await self._run(work, self._readers, writes=False)

    async def write(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Return what `work` returns when its transaction is committed; for what is done often.

        `work` may run in a thread: it touches nothing but the connection.

        Raises:
            StorageUnavailableError: The database does not answer, or takes nothing now.
            IntegrityError: A constraint of a table forbids it.
        """
        return await self._run(work, self._writer, writes=True)

    async def _run(
        self, work: Callable[[Connection], ResultT], threads: Executor, *, writes: bool
    ) -> ResultT:
        # SQLite's whole transaction is one visit to a thread: its asynchronous driver would make a
        # dozen, and took the event loop more than twice the time.
        with _answered():
            if self._local is not None:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, _transaction, self._local, work, writes)
            async with self.engine.connect() as connection, connection.begin():
                return await connection.run_sync(work)

    def take_turns(self, connection: Connection, name: str) -> None:
        """Let transactions that name the same go on one after the other, until they are over.

        SQLite's writers do so anyway.
        """
        if not self.is_sqlite:
            lock = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
            connection.execute(select(lock))

    def insert(self, table: Any) -> Any:
        """Return an INSERT into `table` that knows `on_conflict_do_update` and `_do_nothing`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def prepare(self) -> None:
        """Make the schema in an empty database, or see that the one there is the code's.

        Raises:
            SettingsError: The database cannot be reached, or its schema is older or newer than
                this code; the message names the mend.
        """
        if self.is_sqlite and self.url.database:
            await asyncio.to_thread(_make, Path(self.url.database))
        async with self._reached() as connection:
            await connection.run_sync(_prepare)

    async def upgrade(self) -> None:
        """Bring the schema to that of the code.

        Raises:
            SettingsError: The database cannot be reached, or is newer than this code.
        """
        async with self._reached() as connection:
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        """Wait for what is at work, and close all connections."""
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        if self._local is not None:
            self._local.dispose()
        await self.engine.dispose()

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self.engine.connect() as connection:
                await connection.execution_options(**{_WRITES: True})
                async with connection.begin():
                    yield connection
        except (OSError, SQLAlchemyError, TimeoutError) as error:
            where = self.url.render_as_string(hide_password=True)
            raise SettingsError(
                f"VOICE_AGENT_DATABASE_URL: the database {where} cannot be used: {error}"
            ) from error


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (OSError, SQLAlchemyError, TimeoutError) as error:
        reason = error.orig if isinstance(error, DBAPIError) and error.orig else error
        raise StorageUnavailableError(f"the database cannot be used now: {reason}") from error


def _make(file: Path) -> None:
    """Make an empty database that nobody else may read, and the folder it is in."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"VOICE_AGENT_DATA_DIR: the database '{file}' cannot be made "
            f"({error.strerror or error}); name a directory that can be written to"
        ) from error
    _begin_wal(file)


def _begin_wal(file: Path) -> None:
    """Turn on the log of writes, which stays on, and wait for who is at work meanwhile.

    SQLite itself does not wait then: two processes that make a database at once would lock each
    other out. What else is wrong is found, and told, when the database is used.
    """
    until = monotonic() + SQLITE_BUSY_TIMEOUT_S
    with (
        suppress(sqlite3.DatabaseError),
        closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection,
    ):
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or monotonic() > until:
                    raise
                sleep(_BUSY_STEP_S)
            else:
                return


def _is_busy(error: sqlite3.OperationalError) -> bool:
    # The lower byte is the kind of error, the rest what kind of that.
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _listen(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _transaction(engine: Engine, work: Callable[[Connection], ResultT], writes: bool) -> ResultT:
    with engine.connect() as connection:
        if writes:
            connection.execution_options(**{_WRITES: True})
        with connection.begin():
            return work(connection)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver would begin transactions by itself, and only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL: who reads does not wait for who writes. FULL: what is committed survives a power cut.
    # Secure delete: what was erased is overwritten, not only forgotten.
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _prepare(connection: Connection) -> None:
    _wait_for_turn(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
    if current is None and not tables:
        _upgrade(connection)
        return
    newest = ScriptDirectory.from_config(_config(connection)).get_current_head()
    if current != newest:
        raise SettingsError(_mismatch(connection, current))


def _mismatch(connection: Connection, current: str | None) -> str:
    if current is None:
        return (
            "VOICE_AGENT_DATABASE_URL: the database has tables that are not ours; name an empty one"
        )
    if not _is_known(connection, current):
        return (
            f"the database has schema {current}, which this version does not know: "
            "it was used by a newer one; run that, or go back to a backup"
        )
    return f"the database has an older schema ({current}); run: {UPGRADE_COMMAND}"


def _is_known(connection: Connection, revision: str) -> bool:
    scripts = ScriptDirectory.from_config(_config(connection))
    return any(each.revision == revision for each in scripts.walk_revisions())


def _wait_for_turn(connection: Connection) -> None:
    """Let one process after the other look at the schema; SQLite's writers wait anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def _upgrade(connection: Connection) -> None:
    _wait_for_turn(connection)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and not _is_known(connection, current):
        raise SettingsError(_mismatch(connection, current))
    command.upgrade(_config(connection), "head")
    known = connection.execute(select(WorkspaceRow.id).where(WorkspaceRow.id == DEFAULT_WORKSPACE))
    if known.first() is None:
        connection.execute(
            insert(WorkspaceRow).values(id=DEFAULT_WORKSPACE, name="Default", created_at=time())
        )
