"""Which database and which store of sessions the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError
from voice_agent.core.session_store import SessionStore
from voice_agent.storage.database import Database, database_url, sqlite_url
from voice_agent.storage.redis_session_store import RedisSessionStore
from voice_agent.storage.sql_session_store import SqlSessionStore

DATABASE_FILE = "voice-agent.db"
"""In the data directory."""


def database_of(settings: Settings) -> Database:
    """Return the database of the settings, not connected yet.

    Raises:
        SettingsError: Its address is none.
    """
    if settings.database_url is None:
        return Database(sqlite_url(settings.data_dir / DATABASE_FILE))
    return Database(database_url(settings.database_url.get_secret_value()))


@asynccontextmanager
async def session_store_of(settings: Settings, database: Database) -> AsyncIterator[SessionStore]:
    """Open the store of running sessions, and close it at the end.

    Raises:
        SettingsError: It does not answer; the message names the mend.
    """
    if settings.redis_url is None:
        yield SqlSessionStore(database)
        return
    try:
        store = RedisSessionStore(settings.redis_url.get_secret_value())
    except ValueError as error:
        raise SettingsError(
            f"VOICE_AGENT_REDIS_URL: {error}; redis://host:6379/0 is one"
        ) from error
    try:
        await store.prepare()
        yield store
    finally:
        await store.close()
