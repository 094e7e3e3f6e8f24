"""What the routes call. The composition root fills it in; tests bring stand-ins."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol

from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from voice_agent.accounts.accounts import Accounts
from voice_agent.accounts.token_buckets import TokenBuckets
from voice_agent.api.knock import KnockRules
from voice_agent.bot.agent_catalog import ListedAgent
from voice_agent.core.agent import Agent
from voice_agent.core.neighbours import Neighbours, NoNeighbours
from voice_agent.core.pages import Page
from voice_agent.core.recording import Recording
from voice_agent.core.service_pool import ResourceStatistics
from voice_agent.core.session import Checkpoint, SessionOrigin
from voice_agent.core.session_journal import RememberedEvent, RememberedSession
from voice_agent.observability.metric_totals import Families
from voice_agent.observability.process_state import ProcessState
from voice_agent.observability.webhooks.registry import WebhookRegistry
from voice_agent.sessions.manager import NewSession
from voice_agent.sessions.records import SessionRecord
from voice_agent.storage.idempotency import KeptAnswer, KeyedRequest
from voice_agent.storage.session_archive import SessionFilter
from voice_agent.storage.stored_agents import AgentVersion
from voice_agent.transports.base import Connection, TransportKind
from voice_agent.transports.factory import ServerRoutes, TransportStep
from voice_agent.transports.webrtc.ice_servers import IceServers
from voice_agent.transports.webrtc.signaling import Answer, Candidate, Offer

VISITOR_SESSIONS_PER_MINUTE = 10
"""How many sessions one address may start with one publishable key, in one process."""


def visitor_limits() -> TokenBuckets:
    """Return what counts the sessions that visitors of web pages start."""
    per_minute = VISITOR_SESSIONS_PER_MINUTE
    return TokenBuckets(burst=per_minute, per_minute=per_minute, monotonic=monotonic)


class Sessions(Protocol):
    """Creates, connects, shows and ends sessions; see `sessions.manager.SessionManager`."""

    async def create(
        self,
        agent_id: str | None = None,
        *,
        resumable: bool = True,
        origin: SessionOrigin = ...,
        metadata: Mapping[str, Any] = ...,
        variables: Mapping[str, str] = ...,
        plan: Sequence[TransportStep] = ...,
    ) -> NewSession:
        """Create a session and its token."""

    def session_id_of(self, token: str) -> str:
        """Return whose token it is, or raise TokenInvalidError."""

    async def run_leg(self, session_id: str, connection: Connection) -> None:
        """Run the session's next leg; return when it has ended."""

    def start_leg(self, session_id: str, connection: Connection) -> None:
        """Begin the session's next leg and return."""

    async def end(self, session_id: str) -> None:
        """End the session."""

    async def erase(self, session_id: str) -> None:
        """End the session and forget it, with all it left."""

    async def read(self, session_id: str) -> Checkpoint:
        """Return the session as it is now, or raise SessionNotFoundError."""

    async def say(self, session_id: str, text: str) -> None:
        """Let the agent say `text`."""

    async def take_text(self, session_id: str, text: str) -> None:
        """Take `text` as a turn of the user."""


class Records(Protocol):
    """What is known of sessions; see `sessions.records.SessionRecords`."""

    async def list(
        self, wanted: SessionFilter, cursor: str | None, limit: int
    ) -> Page[RememberedSession]:
        """Return sessions, newest first."""

    async def whose(self, session_id: str) -> tuple[str, str]:
        """Return the workspace and the agent of a session, or raise SessionNotFoundError."""

    async def read(self, session_id: str) -> SessionRecord:
        """Return all that is known of a session, or raise SessionNotFoundError."""

    async def may_have_more(self, session_id: str, after: int) -> bool:
        """Return whether there are events with higher numbers, or may be some."""

    def follow(self, session_id: str, after: int) -> AsyncIterator[RememberedEvent]:
        """Yield the events of a session as they come, until it is over."""


class WebSockets(Protocol):
    """Turns sockets into connections; see `transports.websocket.manager.WebSocketManager`."""

    async def accept(
        self, websocket: WebSocket, *, session_id: str, attempt: str | None = None
    ) -> Connection:
        """Accept the socket."""


class Peers(Protocol):
    """Answers WebRTC offers; see `transports.webrtc.manager.WebRTCManager`."""

    async def answer(
        self, offer: Offer, *, session_id: str, start: Callable[[Connection], None]
    ) -> Answer:
        """Answer an offer, and start what runs on a new connection."""

    async def add_candidates(
        self, pc_id: str, candidates: Sequence[Candidate], *, session_id: str | None
    ) -> None:
        """Take trickled candidates."""

    def session_of(self, pc_id: str) -> str:
        """Return whose peer connection that is, or raise PeerNotFoundError."""


class Agents(Protocol):
    """All agents; see `bot.agent_catalog.AgentCatalog`."""

    async def read(self, agent_id: str, workspace_id: str) -> ListedAgent:
        """Return the agent, or raise AgentNotFoundError."""

    async def list(self, workspace_id: str) -> Sequence[ListedAgent]:
        """Return all agents."""

    async def versions(self, agent_id: str, workspace_id: str) -> Sequence[AgentVersion]:
        """Return all versions of an agent, newest first."""

    async def create(self, agent: Agent, workspace_id: str) -> None:
        """Keep a new agent."""

    async def update(self, agent: Agent, workspace_id: str, based_on: str) -> None:
        """Make `agent` the current version of itself."""

    async def delete(self, agent_id: str, workspace_id: str) -> None:
        """Forget an agent."""


class Once(Protocol):
    """Carries out requests once; see `storage.idempotency.Idempotency`."""

    async def once(
        self, request: KeyedRequest, work: Callable[[], Awaitable[KeptAnswer]]
    ) -> KeptAnswer:
        """Return what `work` answers, or what it answered to the same request before."""


class Pool(Protocol):
    """What can be asked how much it holds; see `core.service_pool.ServicePool`."""

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of each resource."""


class Metrics(Protocol):
    """What is counted of this process; see `observability.metrics.Metrics`."""

    def families(self) -> Families:
        """Return all metrics as they are now."""


class Recordings(Protocol):
    """Where recordings are; blocks. See `storage.recordings.RecordingFiles`."""

    def list(self, session_id: str) -> Sequence[Recording]:
        """Return a session's recordings, none of a session that it does not know."""

    def path(self, session_id: str, number: int) -> Path:
        """Return where one is, or raise RecordingNotFoundError."""

    def remove(self, session_id: str) -> None:
        """Remove all of a session."""


@dataclass(frozen=True)
class ApiServices:
    """All that the routes need.

    `process` returns what this process tells of itself, `unready` what keeps it from taking a call
    now, None when nothing does.
    `open_access` says that requests without a credential may do everything
    (`VOICE_AGENT_AUTH=off`). `transports` are those to offer, in order; `routes` returns how the
    server can be reached now. `console` is where the built page is, if it is anywhere. `visitors`
    limits sessions by publishable key and address.
    `elsewhere` is middleware that brings requests to other servers, where there are several.
    """

    sessions: Sessions
    records: Records
    idempotency: Once
    webhooks: WebhookRegistry
    websockets: WebSockets
    peers: Peers
    agents: Agents
    pool: Pool
    metrics: Metrics
    process: Callable[[], ProcessState]
    accounts: Accounts
    default_agent: str
    recordings: Recordings
    transports: Sequence[TransportKind]
    routes: Callable[[], ServerRoutes]
    knock_rules: KnockRules
    unready: Callable[[], str | None]
    open_access: bool
    public_url: str | None = None
    ice: IceServers = field(default_factory=lambda: IceServers(time))
    console: Path | None = None
    elsewhere: Callable[[ASGIApp], ASGIApp] | None = None
    neighbours: Neighbours = field(default_factory=NoNeighbours)
    visitors: TokenBuckets = field(default_factory=visitor_limits)
