"""What the routes call. The composition root fills it in; tests bring stand-ins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from starlette.websockets import WebSocket

from voice_agent.api.knock import KnockRules
from voice_agent.api.models import IceServer
from voice_agent.core.agent import Agent
from voice_agent.core.events import Event
from voice_agent.core.neighbours import Neighbours, NoNeighbours
from voice_agent.core.recording import Recording
from voice_agent.core.service_pool import ResourceStatistics
from voice_agent.core.session import Checkpoint
from voice_agent.observability.metric_totals import Families
from voice_agent.sessions.manager import NewSession
from voice_agent.transports.base import Connection, TransportKind
from voice_agent.transports.webrtc.signaling import Answer, Candidate, Offer


class Sessions(Protocol):
    """Creates, connects, shows and ends sessions; see `sessions.manager.SessionManager`."""

    async def create(self, agent_id: str | None = None, *, resumable: bool = True) -> NewSession:
        """Create a session and its token."""

    def authenticate(self, session_id: str, token: str) -> None:
        """Raise TokenInvalidError unless `token` lets into that session."""

    def session_id_of(self, token: str) -> str:
        """Return whose token it is, or raise TokenInvalidError."""

    async def run_leg(self, session_id: str, connection: Connection) -> None:
        """Run the session's next leg; return when it has ended."""

    def start_leg(self, session_id: str, connection: Connection) -> None:
        """Begin the session's next leg and return."""

    async def end(self, session_id: str) -> None:
        """End the session."""

    async def read(self, session_id: str) -> Checkpoint:
        """Return the session as it is now, or raise SessionNotFoundError."""

    def events(self, session_id: str) -> Sequence[Event]:
        """Return its last events."""

    async def list(self) -> Sequence[Checkpoint]:
        """Return all sessions, newest first."""


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
    """Where agents are read from; see `bot.agents.AgentRepository`."""

    def get(self, agent_id: str) -> Agent:
        """Return the agent, or raise AgentNotFoundError."""

    def list(self) -> Sequence[Agent]:
        """Return all agents."""


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

    `unready` returns what keeps the server from taking a call now, None when nothing does.
    `open_access` says that requests without a credential may do everything
    (`VOICE_AGENT_AUTH=off`). `transports` are those to offer, in order. `console` is where the
    built page is, if it is anywhere.
    """

    sessions: Sessions
    websockets: WebSockets
    peers: Peers
    agents: Agents
    pool: Pool
    metrics: Metrics
    recordings: Recordings
    transports: Sequence[TransportKind]
    knock_rules: KnockRules
    unready: Callable[[], str | None]
    open_access: bool
    public_url: str | None = None
    ice_servers: Sequence[IceServer] = ()
    console: Path | None = None
    neighbours: Neighbours = field(default_factory=NoNeighbours)
