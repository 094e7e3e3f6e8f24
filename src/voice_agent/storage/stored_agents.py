"""Agents that were made over the API, with all their versions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import and_, delete, select, update
from sqlalchemy.exc import IntegrityError

from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.errors import (
    AgentChangedError,
    AgentExistsError,
    AgentInvalidError,
    AgentNotFoundError,
)
from voice_agent.storage.database import Database
from voice_agent.storage.tables import AgentRow, AgentVersionRow


@dataclass(frozen=True)
class AgentVersion:
    """One version of an agent; `number` counts from 1, `created_at` is wall time in seconds."""

    agent: Agent
    number: int
    created_at: float


class StoredAgents:
    """Reads and writes. Everything raises StorageUnavailableError when the database is away.

    `wall_time` returns seconds since the Unix epoch.
    """

    def __init__(self, database: Database, wall_time: Callable[[], float] = time.time) -> None:
        self._database = database
        self._wall_time = wall_time

    async def find(self, workspace_id: str, agent_id: str) -> Agent | None:
        """Return the agent in its current version, None when there is none."""
        query = _current().where(AgentRow.workspace_id == workspace_id, AgentRow.id == agent_id)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _agent(row.definition)

    async def list(self, workspace_id: str) -> Sequence[Agent]:
        """Return all agents of a workspace in their current versions, by id."""
        query = _current().where(AgentRow.workspace_id == workspace_id).order_by(AgentRow.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_agent(row.definition) for row in rows]

    async def versions(self, workspace_id: str, agent_id: str) -> Sequence[AgentVersion]:
        """Return all versions of an agent, newest first; none when there is no such agent."""
        query = (
            select(AgentVersionRow.definition, AgentVersionRow.number, AgentVersionRow.created_at)
            .where(
                AgentVersionRow.workspace_id == workspace_id,
                AgentVersionRow.agent_id == agent_id,
            )
            .order_by(AgentVersionRow.number.desc())
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [AgentVersion(_agent(row.definition), row.number, row.created_at) for row in rows]

    async def create(self, workspace_id: str, agent: Agent) -> None:
        """Keep a new agent.

        Raises:
            AgentExistsError: There is one with its id.
        """
        now = self._wall_time()
        row = AgentRow(
            workspace_id=workspace_id, id=agent.id, number=1, created_at=now, updated_at=now
        )
        try:
            async with self._database.writing() as session:
                session.add(row)
                await session.flush()
                session.add(_version_row(workspace_id, agent, 1, now))
        except IntegrityError:
            raise AgentExistsError(
                f"there is already an agent '{agent.id}'; change it with PUT, or choose another id"
            ) from None

    async def update(self, workspace_id: str, agent: Agent, based_on: str) -> None:
        """Make `agent` the current version, if that is still the one it is based on.

        Raises:
            AgentChangedError: It is not.
            AgentNotFoundError: There is no agent with that id.
        """
        now = self._wall_time()
        of_it = and_(AgentRow.workspace_id == workspace_id, AgentRow.id == agent.id)
        async with self._database.writing() as session:
            # First of all the row, so that of two updates at once one waits for the other.
            number = await session.scalar(
                update(AgentRow).where(of_it).values(updated_at=now).returning(AgentRow.number)
            )
            if number is None:
                raise _not_found(agent.id)
            current = await session.get_one(AgentVersionRow, (workspace_id, agent.id, number))
            if current.version != based_on:
                raise AgentChangedError(
                    f"the agent '{agent.id}' has version {current.version} by now; read it again, "
                    "change that, and send the version it has then as If-Match"
                )
            if agent.version == current.version:
                return
            session.add(_version_row(workspace_id, agent, number + 1, now))
            await session.execute(update(AgentRow).where(of_it).values(number=number + 1))

    async def delete(self, workspace_id: str, agent_id: str) -> None:
        """Forget an agent with all its versions; running sessions keep theirs.

        Raises:
            AgentNotFoundError: There is no agent with that id.
        """
        query = delete(AgentRow).where(
            AgentRow.workspace_id == workspace_id, AgentRow.id == agent_id
        )
        if not await self._database.write(lambda connection: connection.execute(query).rowcount):
            raise _not_found(agent_id)


def _current() -> Any:
    return select(AgentVersionRow.definition).join(
        AgentRow,
        and_(
            AgentRow.workspace_id == AgentVersionRow.workspace_id,
            AgentRow.id == AgentVersionRow.agent_id,
            AgentRow.number == AgentVersionRow.number,
        ),
    )


def _agent(definition: dict[str, Any]) -> Agent:
    try:
        return AGENT_ADAPTER.validate_python(definition)
    except ValidationError as error:
        raise AgentInvalidError(f"an agent in the database is not usable: {error}") from error


def _version_row(workspace_id: str, agent: Agent, number: int, now: float) -> AgentVersionRow:
    return AgentVersionRow(
        workspace_id=workspace_id,
        agent_id=agent.id,
        number=number,
        version=agent.version,
        definition=asdict(agent),
        created_at=now,
    )


def _not_found(agent_id: str) -> AgentNotFoundError:
    return AgentNotFoundError(f"there is no agent '{agent_id}'")
