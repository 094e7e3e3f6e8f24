"""Real databases for tests: a PostgreSQL and a Redis of their own, thrown away afterwards."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
import redis

from tests.prepared_sqlite import prepared_sqlite
from tests.programs import START_TIMEOUT_S, STEP_S, EndableServer, free_port, program, running
from voice_agent.storage.database import Database, database_url

_SUPERUSER = "postgres"


class RedisServer(EndableServer):
    """A Redis that a test may end and start again."""

    @property
    def url(self) -> str:
        """Return its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        """Return what to run."""
        return [
            *(program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self._folder), "--save", "", "--appendonly", "yes"),
        ]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test alone."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def _shared_redis() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"),
            *("--dir", folder, "--save", "", "--appendonly", "no"),
        ]
        with running(command, port):
            yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def redis_url(_shared_redis: str) -> Iterator[str]:
    """The address of an empty Redis."""
    with redis.Redis.from_url(_shared_redis) as client:
        client.flushall()
        yield _shared_redis


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL's own database `postgres`, for its superuser."""
    port = free_port()
    user = {"user": _SUPERUSER} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if user:
            # It refuses to run as root.
            account = pwd.getpwnam(_SUPERUSER)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = str(folder / "data")
        subprocess.run(
            [program("initdb"), "-D", data, "-A", "trust", "-U", _SUPERUSER, "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **user,  # type: ignore[call-overload]
        )
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 60,
            "shared_buffers": "16MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", data, *options]
        # It takes that as: end the connections and stop.
        with running(command, port, end=signal.SIGINT, cwd=folder, **user):
            address = f"postgresql://{_SUPERUSER}@127.0.0.1:{port}/postgres"
            _run(_until_it_answers(address))
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` beside the event loop of the test that asks for the fixture."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _until_it_answers(address: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            await (await asyncpg.connect(address)).close()
        except asyncpg.CannotConnectNowError:
            assert time.monotonic() < deadline, "PostgreSQL did not come up"
            await asyncio.sleep(STEP_S)
        else:
            return


@contextmanager
def new_database(postgresql_server: str) -> Iterator[str]:
    """Make an empty database in a PostgreSQL; yield its address, and drop it at the end."""
    name = f"test_{secrets.token_hex(6)}"
    _run(_execute(postgresql_server, f"CREATE DATABASE {name}"))
    yield postgresql_server.rpartition("/")[0] + "/" + name
    _run(_execute(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The address of an empty database in a PostgreSQL, for this test alone."""
    with new_database(postgresql_server) as address:
        yield address


@pytest.fixture(scope="session")
def _prepared_template(postgresql_server: str) -> str:
    """The name of a database that has our tables, made once: others are copies of it."""
    name = "prepared"
    _run(_execute(postgresql_server, f"CREATE DATABASE {name}"))
    _run(_prepare(postgresql_server.rpartition("/")[0] + "/" + name))
    return name


async def _prepare(address: str) -> None:
    database = Database(database_url(address))
    await database.prepare()
    await database.close()


@pytest.fixture
def prepared_postgresql_url(postgresql_server: str, _prepared_template: str) -> Iterator[str]:
    """The address of a database in a PostgreSQL that has our tables, for this test alone."""
    name = f"test_{secrets.token_hex(6)}"
    make = f"CREATE DATABASE {name} TEMPLATE {_prepared_template}"
    _run(_execute(postgresql_server, make))
    yield postgresql_server.rpartition("/")[0] + "/" + name
    _run(_execute(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A prepared database of each kind, one after the other."""
    if request.param == "sqlite":
        database = prepared_sqlite(tmp_path)
    else:
        database = Database(database_url(request.getfixturevalue("prepared_postgresql_url")))
    yield database
    await database.close()
