"""Users in the database."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from voice_agent.core.account_errors import (
    EmailTakenError,
    LastAdministratorError,
    SetupDoneError,
    UserNotFoundError,
)
from voice_agent.core.pages import Page
from voice_agent.storage.database import Database
from voice_agent.storage.newest_first import newest_first, page_of
from voice_agent.storage.tables import UserRow, WorkspaceRow

ADMINISTRATOR: Final = "administrator"
"""The role of which a workspace never loses its last user."""


class UserRepository:
    """Reads and writes `UserRow`; what it returns is detached from the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: UserRow) -> None:
        """Keep a new user; raise EmailTakenError when the address is taken."""
        try:
            async with self._database.writing() as session:
                session.add(user)
        except IntegrityError:
            raise _taken(user.email) from None

    async def add_first(self, user: UserRow) -> None:
        """Keep the first user; raise SetupDoneError when there is any. Of two at once one wins."""
        try:
            async with self._database.writing() as session:
                await _lock(session, user.workspace_id)
                if await session.scalar(select(UserRow.id).limit(1)) is not None:
                    raise SetupDoneError(
                        "there is a user already; sign in, or ask an administrator for an account"
                    )
                session.add(user)
        except IntegrityError:
            raise _taken(user.email) from None

    async def any_exists(self) -> bool:
        """Return whether there is any user, in any workspace."""
        async with self._database.reading() as session:
            return await session.scalar(select(UserRow.id).limit(1)) is not None

    async def find(self, user_id: str) -> UserRow | None:
        """Return the user of any workspace, None when there is none."""
        async with self._database.reading() as session:
            return await session.get(UserRow, user_id)

    async def find_by_email(self, email: str) -> UserRow | None:
        """Return the user with that address in lower case, None when there is none."""
        async with self._database.reading() as session:
            return await session.scalar(select(UserRow).where(UserRow.email == email))

    async def read(self, workspace_id: str, user_id: str) -> UserRow:
        """Return the user; raise UserNotFoundError when that workspace has none with the id."""
        async with self._database.reading() as session:
            return await _read(session, workspace_id, user_id)

    async def list(self, workspace_id: str, limit: int, cursor: str | None) -> Page[UserRow]:
        """Return up to `limit` users, newest first, that stand behind `cursor`.

        Raises:
            CursorInvalidError: No page has ended with that cursor.
        """
        query = select(UserRow).where(UserRow.workspace_id == workspace_id)
        query = newest_first(query, UserRow, cursor, limit)
        async with self._database.reading() as session:
            return page_of((await session.scalars(query)).all(), limit, lambda row: row)

    async def change(self, workspace_id: str, user_id: str, changes: Mapping[str, Any]) -> UserRow:
        """Set columns of a user and return him as he is then.

        Raises:
            UserNotFoundError: That workspace has no user with the id.
            LastAdministratorError: He is the last administrator and would be none any more.
        """
        async with self._database.writing() as session:
            await _lock(session, workspace_id)
            user = await _read(session, workspace_id, user_id)
            if changes.get("role", ADMINISTRATOR) != ADMINISTRATOR:
                await _require_another_administrator(session, user)
            for column, value in changes.items():
                setattr(user, column, value)
            return user

    async def delete(self, workspace_id: str, user_id: str) -> None:
        """Remove a user.

        Raises:
            UserNotFoundError: That workspace has no user with the id.
            LastAdministratorError: He is its last administrator.
        """
        async with self._database.writing() as session:
            await _lock(session, workspace_id)
            user = await _read(session, workspace_id, user_id)
            await _require_another_administrator(session, user)
            await session.delete(user)


async def _lock(session: AsyncSession, workspace_id: str) -> None:
    """Let nobody else change users until the transaction ends.

    A write that changes nothing: SQLite takes its one write lock at the first write (a read
    before it would make a later write fail when somebody else has written), PostgreSQL the row's.
    """
    await session.execute(
        update(WorkspaceRow).where(WorkspaceRow.id == workspace_id).values(name=WorkspaceRow.name)
    )


async def _read(session: AsyncSession, workspace_id: str, user_id: str) -> UserRow:
    user = await session.get(UserRow, user_id)
    if user is None or user.workspace_id != workspace_id:
        raise UserNotFoundError(f"no user has the id '{user_id}'; GET /v1/users lists them")
    return user


async def _require_another_administrator(session: AsyncSession, user: UserRow) -> None:
    others = select(func.count()).where(
        UserRow.workspace_id == user.workspace_id,
        UserRow.role == ADMINISTRATOR,
        UserRow.id != user.id,
    )
    if user.role == ADMINISTRATOR and not await session.scalar(others):
        raise LastAdministratorError(
            f"{user.email} is the last administrator; make somebody else one first"
        )


def _taken(email: str) -> EmailTakenError:
    return EmailTakenError(f"there is a user with the address {email} already")
