import pytest

from tests.databases import RedisServer
from tests.unit.storage.session_store_contract import SessionStoreContract, checkpoint
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.storage.database import Database, database_url
from voice_agent.storage.sql_session_store import SqlSessionStore


class TestSqlSessionStore(SessionStoreContract):
    @pytest.fixture
    def store(self, database: Database) -> SqlSessionStore:
        return SqlSessionStore(database, self.wall_time)


async def test_a_database_that_is_gone_is_said_to_be(redis_server: RedisServer) -> None:
    redis_server.kill()
    database = Database(database_url(f"postgresql://u@127.0.0.1:{redis_server.port}/d"))
    with pytest.raises(StorageUnavailableError, match="cannot be used now"):
        await SqlSessionStore(database).create(checkpoint(), "first")
    await database.close()
