from dataclasses import replace

import pytest

from voice_agent.core.errors import SessionNotFoundError
from voice_agent.core.session import SessionState
from voice_agent.storage.memory_session_store import MemorySessionStore

from .session_store_contract import SessionStoreContract, checkpoint


class TestMemorySessionStore(SessionStoreContract):
    @pytest.fixture
    def store(self) -> MemorySessionStore:
        return MemorySessionStore()


async def end(store: MemorySessionStore, session_id: str) -> None:
    claim = await store.create(checkpoint(session_id), "first")
    await store.checkpoint(claim, replace(checkpoint(session_id), state=SessionState.ENDED))


async def test_of_sessions_that_are_over_only_the_last_are_remembered() -> None:
    store = MemorySessionStore(ended_limit=2)
    for session_id in ("first", "second", "third"):
        await end(store, session_id)
    with pytest.raises(SessionNotFoundError):
        await store.load("first")
    for session_id in ("second", "third"):
        await store.load(session_id)


async def test_sessions_that_go_on_are_never_forgotten() -> None:
    store = MemorySessionStore(ended_limit=0)
    await store.create(checkpoint("running"), "first")
    await end(store, "over")
    assert (await store.load("running")).session_id == "running"
    with pytest.raises(SessionNotFoundError):
        await store.load("over")


async def test_a_session_that_was_removed_leaves_room_for_another() -> None:
    store = MemorySessionStore(ended_limit=1)
    await end(store, "first")
    await store.remove("first")
    await end(store, "second")
    assert (await store.load("second")).session_id == "second"
