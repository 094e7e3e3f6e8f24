"""What the API keeps, for tests: a real database in a folder of the test."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.prepared_sqlite import prepared_sqlite
from voice_agent.bot.agent_catalog import AgentCatalog
from voice_agent.bot.agents import AgentRepository
from voice_agent.core.agent import Agent
from voice_agent.observability.webhooks.registry import WebhookRegistry
from voice_agent.observability.webhooks.target_rules import TargetRules
from voice_agent.sessions.records import SessionRecords
from voice_agent.storage.archive_writer import ArchiveWriter
from voice_agent.storage.database import Database
from voice_agent.storage.delivery_rows import DeliveryRows
from voice_agent.storage.idempotency import Idempotency
from voice_agent.storage.session_archive import SessionArchive
from voice_agent.storage.stored_agents import StoredAgents
from voice_agent.storage.webhook_rows import WebhookRows
from voice_agent.testing.harness import ConversationHarness


@dataclass
class KeptThings:
    """A database, what is kept in it, and two agents in files."""

    database: Database
    archive: SessionArchive
    journal: ArchiveWriter
    files: AgentRepository

    def services(self, harness: ConversationHarness) -> dict[str, Any]:
        """Return what the API needs of it, beside the sessions of `harness`."""
        return {
            "records": SessionRecords(self.archive, self.journal.flush, harness.sessions),
            "idempotency": Idempotency(self.database, "a secret for tests"),
            "webhooks": WebhookRegistry(
                WebhookRows(self.database),
                DeliveryRows(self.database),
                TargetRules(),
                lambda: None,
            ),
            "agents": AgentCatalog(self.files, StoredAgents(self.database)),
        }


@asynccontextmanager
async def kept_in(folder: Path, *agents: Agent) -> AsyncIterator[KeptThings]:
    """Make a database in `folder`, and files of `agents` beside it."""
    files = folder / "agents"
    files.mkdir()
    for agent in agents:
        (files / f"{agent.id}.yaml").write_text(json.dumps(asdict(agent)))
    database = prepared_sqlite(folder)
    archive = SessionArchive(database)
    yield KeptThings(database, archive, ArchiveWriter(archive), AgentRepository(files))
    await database.close()
