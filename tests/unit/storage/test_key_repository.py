"""Keys in SQLite and PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest

from voice_agent.core.account_errors import KeyNotFoundError
from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database, sqlite_url
from voice_agent.storage.key_repository import KeyRepository
from voice_agent.storage.tables import KeyRow


def key(name: str, **changes: Any) -> KeyRow:
    values = {
        "id": name,
        "workspace_id": DEFAULT_WORKSPACE,
        "kind": "publishable",
        "name": name,
        "digest": name * 8,
        "hint": "vak",
        "scopes": [],
        "agents": ["sales", "support"],
        "origins": [f"https://{name}.example.com"],
        "max_sessions": 3,
        "sessions_per_minute": None,
        "created_at": 1.5,
        "created_by": None,
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": None,
    }
    return KeyRow(**(values | changes))


async def test_a_key_is_found_as_it_was_kept(database: Database) -> None:
    keys = KeyRepository(database)
    await keys.add(key("a"))
    found = await keys.read(DEFAULT_WORKSPACE, "a")
    assert (found.agents, found.origins) == (["sales", "support"], ["https://a.example.com"])
    assert (found.max_sessions, found.sessions_per_minute) == (3, None)
    assert (found.created_at, found.revoked_at, found.last_used_at) == (1.5, None, None)
    await keys.note_use("a", 7.25)
    await keys.revoke(DEFAULT_WORKSPACE, "a", 8.0)
    await keys.revoke(DEFAULT_WORKSPACE, "a", 9.0)
    found = await keys.read(DEFAULT_WORKSPACE, "a")
    assert (found.last_used_at, found.revoked_at) == (7.25, 8.0)
    assert await keys.find("b") is None
    with pytest.raises(KeyNotFoundError):
        await keys.read("other", "a")


async def test_the_origins_are_those_of_good_keys_of_the_kind(database: Database) -> None:
    keys = KeyRepository(database)
    for each in (
        key("a", origins=["https://one.example", "https://two.example"]),
        key("b", origins=["https://two.example"], expires_at=10.0),
        key("c", origins=["https://old.example"], expires_at=5.0),
        key("d", origins=["https://gone.example"], revoked_at=1.0),
        key("e", origins=["https://secret.example"], kind="secret"),
    ):
        await keys.add(each)
    found = await keys.origins("publishable", 5.0)
    assert found == {"https://one.example", "https://two.example"}


async def test_pages_are_in_order_and_complete(database: Database) -> None:
    keys = KeyRepository(database)
    for number in range(5):
        await keys.add(key(str(number), created_at=float(number // 2)))
    first = await keys.list(DEFAULT_WORKSPACE, 3, None)
    second = await keys.list(DEFAULT_WORKSPACE, 3, first.next_cursor)
    assert [each.id for each in (*first.items, *second.items)] == ["4", "3", "2", "1", "0"]
    assert second.next_cursor is None


async def test_a_database_that_does_not_answer_is_said_to() -> None:
    keys = KeyRepository(Database(sqlite_url(Path("/nowhere/voice-agent.db"))))
    with pytest.raises(StorageUnavailableError):
        await keys.find("a")
