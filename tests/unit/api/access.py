"""An API that asks for credentials, over a real database, and those who have some."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.prepared_sqlite import prepared_sqlite
from tests.unit.api.conftest import ClientMaker
from voice_agent.accounts.accounts import Accounts
from voice_agent.accounts.authorize import Action
from voice_agent.accounts.key_text import KeyKind
from voice_agent.accounts.keys import KeyWish
from voice_agent.accounts.principal import Role
from voice_agent.accounts.tokens import UserTokens
from voice_agent.api.knock import KnockRules
from voice_agent.core.clock import SystemClock
from voice_agent.core.session import DEFAULT_WORKSPACE
from voice_agent.storage.database import Database
from voice_agent.storage.tables import UserRow, WorkspaceRow

SECRET = "s" * 32
PASSWORD = "correct horse battery"
SHOP = "https://shop.example.com"


def bearer(credential: str, **headers: str) -> dict[str, str]:
    """Return the headers that show `credential`."""
    return {"Authorization": f"Bearer {credential}"} | headers


@dataclass
class Access:
    """The accounts of a site, and its client, which shows nothing by itself."""

    accounts: Accounts
    database: Database
    client: httpx2.AsyncClient
    made: int = field(default=0)

    async def user(self, role: Role = Role.ADMINISTRATOR) -> str:
        """Return the access token of a new user, who has no password: hashing takes its time."""
        self.made += 1
        user = UserRow(
            id=f"user_{self.made}",
            workspace_id=DEFAULT_WORKSPACE,
            email=f"{role.value}{self.made}@example.com",
            name="Ann",
            role=role.value,
            password_hash=None,
            created_at=float(self.made),
        )
        async with self.database.writing() as session:
            session.add(user)
        return UserTokens(SECRET, SystemClock().wall).issue_access(user.id)

    async def key(self, *scopes: Action, workspace_id: str = DEFAULT_WORKSPACE, **wish: Any) -> str:
        """Return a new secret key."""
        chosen = KeyWish(KeyKind.SECRET, "CI", scopes=frozenset(scopes), **wish)
        return (await self.accounts.keys.create(workspace_id, chosen, None)).text

    async def publishable(self, **wish: Any) -> str:
        """Return a new publishable key for the pages of `SHOP`."""
        chosen = KeyWish(KeyKind.PUBLISHABLE, "Shop", origins=(SHOP,), **wish)
        return (await self.accounts.keys.create(DEFAULT_WORKSPACE, chosen, None)).text

    async def other_workspace(self) -> str:
        """Make a second workspace and return its id."""
        async with self.database.writing() as session:
            session.add(WorkspaceRow(id="other", name="Other", created_at=1.0))
        return "other"

    async def refused(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **body: Any
    ) -> tuple[int, str]:
        """Send a request; return the status and the code of the refusal."""
        response = await self.client.request(method, path, headers=headers, **body)
        return response.status_code, response.json()["code"]


@pytest.fixture
async def access(client_of: ClientMaker, tmp_path: Path) -> AsyncIterator[Access]:
    """A site that asks for credentials."""
    database = prepared_sqlite(tmp_path)
    accounts = Accounts(database, SECRET, SystemClock())
    await accounts.start()
    rules = KnockRules(bound_host="127.0.0.1", further_origins=accounts.origins)
    client = client_of(accounts=accounts, open_access=False, knock_rules=rules)
    yield Access(accounts, database, client)
    await accounts.close()
    await database.close()
