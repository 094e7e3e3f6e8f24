"""Accounts over a real database, at a time that tests set."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.prepared_sqlite import prepared_sqlite
from voice_agent.accounts.accounts import Accounts
from voice_agent.storage.database import Database

SECRET = "s" * 32
PASSWORD = "correct horse battery"


@dataclass
class SetClock:
    """A clock that stands still until it is set."""

    now: float = 1_000_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def small_database(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite, for what does not depend on the kind of database."""
    database = prepared_sqlite(tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def accounts(small_database: Database, clock: SetClock) -> AsyncIterator[Accounts]:
    accounts = Accounts(small_database, SECRET, clock)
    yield accounts
    await accounts.close()
