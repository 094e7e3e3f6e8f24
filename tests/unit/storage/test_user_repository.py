"""Users in SQLite and PostgreSQL, and what holds when several change them at once."""

import asyncio

import pytest

from voice_agent.core.account_errors import (
    EmailTakenError,
    LastAdministratorError,
    SetupDoneError,
    UserNotFoundError,
)
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database
from voice_agent.storage.tables import UserRow
from voice_agent.storage.user_repository import ADMINISTRATOR, UserRepository


def user(name: str, role: str = ADMINISTRATOR, created_at: float = 1.0) -> UserRow:
    return UserRow(
        id=f"user_{name}",
        workspace_id=DEFAULT_WORKSPACE,
        email=f"{name}@example.com",
        name=name,
        role=role,
        password_hash=None,
        created_at=created_at,
        tokens_valid_from=0.0,
    )


async def test_a_user_is_found_as_he_was_kept(database: Database) -> None:
    users = UserRepository(database)
    assert not await users.any_exists()
    await users.add(user("ann"))
    assert await users.any_exists()
    for found in (
        await users.find("user_ann"),
        await users.find_by_email("ann@example.com"),
        await users.read(DEFAULT_WORKSPACE, "user_ann"),
    ):
        assert found is not None
        assert (found.name, found.role, found.created_at) == ("ann", ADMINISTRATOR, 1.0)
    assert await users.find("user_bob") is None
    same_email = user("bob")
    same_email.email = "ann@example.com"
    with pytest.raises(EmailTakenError):
        await users.add(same_email)


async def test_pages_are_in_order_and_complete(database: Database) -> None:
    users = UserRepository(database)
    for number in range(7):
        await users.add(user(str(number), created_at=float(number // 3)))
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = await users.list(DEFAULT_WORKSPACE, 3, cursor)
        seen += [each.name for each in page.items]
        cursor, pages = page.next_cursor, pages + 1
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]
    assert pages == 3


async def test_the_last_administrator_stays(database: Database) -> None:
    users = UserRepository(database)
    await users.add(user("ann"))
    await users.add(user("bob", "member"))
    for refused in (
        users.delete(DEFAULT_WORKSPACE, "user_ann"),
        users.change(DEFAULT_WORKSPACE, "user_ann", {"role": "member"}),
    ):
        with pytest.raises(LastAdministratorError, match="is the last administrator"):
            await refused
    await users.delete(DEFAULT_WORKSPACE, "user_bob")
    with pytest.raises(UserNotFoundError):
        await users.delete(DEFAULT_WORKSPACE, "user_bob")
    changed = await users.change(DEFAULT_WORKSPACE, "user_ann", {"name": "Anna"})
    assert changed.name == "Anna"


async def test_of_two_administrators_who_delete_each_other_one_stays(database: Database) -> None:
    users = UserRepository(database)
    await users.add(user("ann"))
    await users.add(user("bob"))
    results = await asyncio.gather(
        users.delete(DEFAULT_WORKSPACE, "user_ann"),
        users.change(DEFAULT_WORKSPACE, "user_bob", {"role": "member"}),
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(LastAdministratorError) == 1
    left = (await users.list(DEFAULT_WORKSPACE, 10, None)).items
    assert sum(each.role == ADMINISTRATOR for each in left) == 1


async def test_of_several_first_users_one_is_made(database: Database) -> None:
    users = UserRepository(database)
    results = await asyncio.gather(
        *(users.add_first(user(str(number))) for number in range(5)), return_exceptions=True
    )
    assert [type(each) for each in results].count(SetupDoneError) == 4
    assert len((await users.list(DEFAULT_WORKSPACE, 10, None)).items) == 1
