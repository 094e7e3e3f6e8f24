"""SQLite databases with our tables, made once: the migrations take longer than most tests."""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from voice_agent.storage.database import Database, sqlite_url


def prepared_sqlite(folder: Path) -> Database:
    """Return a database in `folder` that has everything but rows; whoever asks closes it."""
    file = folder / "voice-agent.db"
    file.write_bytes(_prepared())
    return Database(sqlite_url(file))


@cache
def _prepared() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        file = Path(folder) / "voice-agent.db"
        # In a thread of its own: the test that asks has an event loop already.
        thread.submit(asyncio.run, _prepare(file)).result()
        return file.read_bytes()


async def _prepare(file: Path) -> None:
    database = Database(sqlite_url(file))
    await database.prepare()
    await database.close()
