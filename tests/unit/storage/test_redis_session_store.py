from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.databases import RedisServer
from tests.unit.storage.session_store_contract import SessionStoreContract, checkpoint
from voice_agent.core.errors import SessionNotFoundError, SettingsError, StorageUnavailableError
from voice_agent.core.session import SessionState
from voice_agent.storage.redis_session_store import RedisSessionStore


class TestRedisSessionStore(SessionStoreContract):
    @pytest.fixture
    async def store(self, redis_url: str) -> AsyncIterator[RedisSessionStore]:
        store = RedisSessionStore(redis_url, self.wall_time)
        yield store
        await store.close()


async def test_a_redis_that_lost_everything_gets_it_again_from_the_owner(redis_url: str) -> None:
    store = RedisSessionStore(redis_url)
    claim = await store.create(checkpoint(), "first")
    again, _ = await store.claim("s1", "first")
    await store._redis.flushall()
    await store.checkpoint(again, replace(checkpoint(), legs=3))
    assert (await store.load("s1")).legs == 3
    later, _ = await store.claim("s1", "second")
    assert later.epoch > again.epoch > claim.epoch
    await store.close()


async def test_what_is_over_is_forgotten_by_itself(redis_url: str) -> None:
    store = RedisSessionStore(redis_url)
    claim = await store.create(checkpoint(), "first")
    await store.checkpoint(claim, replace(checkpoint(), state=SessionState.ENDED))
    assert 0 < await store._redis.ttl("voice-agent:session:s1") <= 3600
    await store.close()


async def test_a_redis_that_dies_and_comes_back(redis_server: RedisServer) -> None:
    store = RedisSessionStore(redis_server.url)
    await store.prepare()
    claim = await store.create(checkpoint(), "first")
    redis_server.kill()
    for work in (store.load("s1"), store.checkpoint(claim, checkpoint()), store.abandoned(1.0)):
        with pytest.raises(StorageUnavailableError, match="VOICE_AGENT_REDIS_URL"):
            await work
    with pytest.raises(SettingsError, match="VOICE_AGENT_REDIS_URL"):
        await store.prepare()
    redis_server.start()
    await store.checkpoint(claim, replace(checkpoint(), legs=2))
    assert (await store.load("s1")).legs == 2
    with pytest.raises(SessionNotFoundError):
        await store.load("s2")
    await store.close()
