"""A session store in Redis, for processes on several hosts."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voice_agent.core.errors import (
    OwnershipLostError,
    SessionNotFoundError,
    SettingsError,
    StorageUnavailableError,
)
from voice_agent.core.session import Checkpoint, SessionState
from voice_agent.core.session_store import Claim
from voice_agent.storage.checkpoint_codec import decode, encode, encode_agent

SOCKET_TIMEOUT_S: Final = 5.0
OVER_KEPT_S: Final = 3600
"""How long a session that is over, or was removed, is still known."""
ABANDONED_LIMIT: Final = 100
"""How many abandoned sessions are named at once."""

_RUNNING: Final = "voice-agent:running"
"""A sorted set of the sessions that are not over, by when they were last heard of."""
_OK: Final = "ok"
_MISSING: Final = "missing"

_CREATE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', 1, 'agent', ARGV[2], 'content', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
return 'ok'
"""
_CLAIM: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
redis.call('ZADD', KEYS[2], 'XX', ARGV[2], ARGV[3])
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local kept = redis.call('HMGET', KEYS[1], 'agent', 'content')
return {tostring(epoch), kept[1], kept[2]}
"""
# A Redis that came back without what it had gets it again from the owner, who has the epoch that
# he was given. What was removed on purpose has left a mark, and stays away.
_CHECKPOINT: Final = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  if redis.call('EXISTS', KEYS[3]) == 1 then return 'missing' end
  redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', ARGV[2], 'agent', ARGV[3])
elseif epoch ~= ARGV[2] then return epoch end
redis.call('HSET', KEYS[1], 'content', ARGV[4])
if ARGV[5] == '1' then
  redis.call('ZREM', KEYS[2], ARGV[7])
  redis.call('EXPIRE', KEYS[1], ARGV[8])
else
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[7])
end
return 'ok'
"""
_IF_CURRENT: Final = "if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then {} end"
_RELEASE: Final = _IF_CURRENT.format("redis.call('HSET', KEYS[1], 'owner', '')")
_TOUCH: Final = (
    _IF_CURRENT.format("redis.call('ZADD', KEYS[2], 'XX', ARGV[2], ARGV[3]); return 1")
    + " return 0"
)


class RedisSessionStore:
    """Implements `SessionStore`. `wall_time` returns seconds since the Unix epoch.

    What is kept is as durable as that Redis is set to be: `appendonly yes` with
    `appendfsync everysec` loses a second at most when its machine dies.
    """

    outlives_process = True

    def __init__(self, url: str, wall_time: Callable[[], float] = time.time) -> None:
        self._redis: Any = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
        )
        self._wall_time = wall_time
        script = self._redis.register_script
        self._create, self._claim = script(_CREATE), script(_CLAIM)
        self._checkpoint, self._release = script(_CHECKPOINT), script(_RELEASE)
        self._touch = script(_TOUCH)

    async def prepare(self) -> None:
        """See that it answers.

        Raises:
            SettingsError: It does not; the message names the mend.
        """
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise SettingsError(
                f"VOICE_AGENT_REDIS_URL: Redis does not answer ({error}); start it, or take the "
                "setting away to keep sessions in the database"
            ) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def create(self, checkpoint: Checkpoint, owner: str) -> Claim:
        """Keep a new session, owned by `owner`; raise ValueError when its id is taken."""
        session_id = checkpoint.session_id
        values: list[Any] = [owner, encode_agent(checkpoint.agent), encode(checkpoint)]
        async with _reached():
            done = await self._create(
                keys=_keys(session_id), args=[*values, self._wall_time(), session_id]
            )
        if done != _OK:
            raise ValueError(f"session {session_id} exists already")
        return Claim(session_id, owner, epoch=1)

    async def load(self, session_id: str) -> Checkpoint:
        """Return the last checkpoint; raise SessionNotFoundError when there is none."""
        async with _reached():
            agent, content = await self._redis.hmget(_keys(session_id)[0], "agent", "content")
        if content is None:
            raise _not_found(session_id)
        return decode(agent, content)

    async def claim(self, session_id: str, owner: str) -> tuple[Claim, Checkpoint]:
        """Take ownership; raise SessionNotFoundError when there is no such session."""
        async with _reached():
            epoch, *texts = await self._claim(
                keys=_keys(session_id), args=[owner, self._wall_time(), session_id]
            )
        if epoch == _MISSING:
            raise _not_found(session_id)
        return Claim(session_id, owner, int(epoch)), decode(*texts)

    async def owner(self, session_id: str) -> str | None:
        """Return who has the session, None when nobody has."""
        async with _reached():
            owner: str | None = await self._redis.hget(_keys(session_id)[0], "owner")
        return owner or None

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; raise OwnershipLostError when `claim` is not the current one."""
        is_over = checkpoint.state is SessionState.ENDED
        values: list[Any] = [
            claim.owner,
            claim.epoch,
            encode_agent(checkpoint.agent),
            encode(checkpoint),
        ]
        async with _reached():
            done = await self._checkpoint(
                keys=_keys(claim.session_id),
                args=[*values, int(is_over), self._wall_time(), claim.session_id, OVER_KEPT_S],
            )
        if done == _MISSING:
            raise _not_found(claim.session_id)
        if done != _OK:
            raise OwnershipLostError(
                f"session {claim.session_id} is at epoch {done}, this write has {claim.epoch}"
            )

    async def release(self, claim: Claim) -> None:
        """Give ownership up; an outdated claim changes nothing."""
        async with _reached():
            await self._release(keys=_keys(claim.session_id), args=[claim.epoch])

    async def remove(self, session_id: str) -> None:
        """Forget the session."""
        session, running, removed = _keys(session_id)
        async with _reached(), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(session)
            pipeline.zrem(running, session_id)
            pipeline.set(removed, "1", ex=OVER_KEPT_S)
            await pipeline.execute()

    async def touch(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Say that the owner of `claims` lives; return those of them that are not current now."""
        outdated = []
        async with _reached():
            for claim in claims:
                is_current = await self._touch(
                    keys=_keys(claim.session_id),
                    args=[claim.epoch, self._wall_time(), claim.session_id],
                )
                if not is_current:
                    outdated.append(claim)
        return outdated

    async def abandoned(self, silent_s: float) -> Sequence[str]:
        """Return ids of sessions that are not over and of which nothing was heard in `silent_s`."""
        async with _reached():
            found: list[str] = await self._redis.zrangebyscore(
                _RUNNING, "-inf", f"({self._wall_time() - silent_s}", start=0, num=ABANDONED_LIMIT
            )
        return found

    async def remove_over(self, older_s: float) -> None:
        """Do nothing: Redis forgets them by itself, after `OVER_KEPT_S`."""


def _keys(session_id: str) -> list[str]:
    return [f"voice-agent:session:{session_id}", _RUNNING, f"voice-agent:removed:{session_id}"]


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StorageUnavailableError(
            f"the store of sessions (VOICE_AGENT_REDIS_URL) does not answer: {error}"
        ) from error


def _not_found(session_id: str) -> SessionNotFoundError:
    return SessionNotFoundError(f"no session has the id '{session_id}'")
