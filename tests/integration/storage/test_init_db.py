"""The script that prepares a PostgreSQL, as an operator runs it."""

import shutil
import subprocess
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from voice_agent.storage.database import Database, database_url

SCRIPT = Path(__file__).parents[3] / "scripts" / "init-db.sql"
PASSWORD = "it's a long secret"


def run(server: str, *options: str) -> "subprocess.CompletedProcess[str]":
    psql = shutil.which("psql")
    assert psql is not None
    return subprocess.run(
        [psql, "-q", *options, "-f", str(SCRIPT), server],
        check=False,
        capture_output=True,
        text=True,
    )


async def test_a_prepared_postgresql_takes_the_tables_and_nobody_else(
    postgresql_server: str,
) -> None:
    quoted = "'" + PASSWORD.replace("'", "''") + "'"
    for _ in range(2):
        done = run(
            postgresql_server,
            *("-v", f"password={quoted}", "-v", "database=calls", "-v", "user=caller"),
        )
        assert (done.returncode, done.stderr) == (0, "")
    place = postgresql_server.partition("@")[2].partition("/")[0]
    url = database_url(f"postgresql://caller@{place}/calls")
    database = Database(url)
    await database.prepare()
    await database.close()
    superuser = await asyncpg.connect(postgresql_server)
    try:
        await superuser.execute("CREATE ROLE stranger LOGIN")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(f"postgresql://stranger@{place}/calls")
    finally:
        await superuser.execute("DROP ROLE stranger")
        await superuser.execute("DROP DATABASE calls WITH (FORCE)")
        await superuser.execute("DROP ROLE caller")
        await superuser.close()


def test_a_missing_password_is_said(postgresql_server: str) -> None:
    done = run(postgresql_server)
    assert done.returncode != 0
    assert "password" in done.stderr
