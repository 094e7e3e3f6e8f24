"""Stand-ins for what carries media, and services round real sessions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket

from tests.kept import KeptThings
from voice_agent.accounts.accounts import Accounts
from voice_agent.api.knock import KnockRules
from voice_agent.api.services import ApiServices
from voice_agent.core.agent import Agent
from voice_agent.core.errors import (
    OfferInvalidError,
    PeerNotFoundError,
    RecordingNotFoundError,
)
from voice_agent.core.recording import Recording
from voice_agent.core.service_pool import ResourceKey, ResourceKind, ResourceStatistics
from voice_agent.observability.metrics import Metrics
from voice_agent.observability.process_state import ProcessState
from voice_agent.observability.provider_health import ProviderHealth
from voice_agent.storage.database import Database, sqlite_url
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import Connection
from voice_agent.transports.factory import OFFERABLE, ServerRoutes
from voice_agent.transports.webrtc.ice_servers import IceServer, IceServers
from voice_agent.transports.webrtc.signaling import Answer, Candidate, Offer

NOWHERE = sqlite_url(Path("/nowhere/voice-agent.db"))
"""For tests that ask for nothing in the database."""
AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
OTHER_AGENT = Agent(id="sales", name="Sales", instructions="Sell.", language="de-DE")
TURN_SERVER = IceServer(urls=("turn:turn.example.com",), username="user", credential="word")

STATISTICS = ResourceStatistics(
    ResourceKey(ResourceKind.SHARED, "llm", "openai", "sk-secret", "abc"),
    size=1,
    in_use=2,
    created=3,
    failures=4,
)


PROCESS = ProcessState(
    name="p0",
    started_at=1_700_000_000.0,
    sessions={"connected": 2},
    max_sessions=50,
    not_ready=None,
    memory=300_000_000,
    providers=(
        ProviderHealth("stt", "pocketsphinx", None, worked_at=1_700_000_100.0),
        ProviderHealth(
            *("llm", "openai", "gpt-4.1"),
            worked_at=1_700_000_100.0,
            failing_since=1_700_000_200.0,
            failed_at=1_700_000_300.0,
            error="refused: vak_secret_abc",
            failures=2,
        ),
        ProviderHealth("tts", "flite", None),
    ),
)


class RecordingPeers:
    """Answers every offer that has audio, and remembers whose it was."""

    def __init__(self) -> None:
        self.offers: list[tuple[str, Offer]] = []
        self.candidates: list[tuple[str | None, str, Sequence[Candidate]]] = []
        self.owners: dict[str, str] = {}

    async def answer(
        self, offer: Offer, *, session_id: str, start: Callable[[Connection], None]
    ) -> Answer:
        if "m=audio" not in offer.sdp:
            raise OfferInvalidError("the offer has no audio; add an audio track or transceiver")
        self.offers.append((session_id, offer))
        pc_id = offer.pc_id or f"pc-{len(self.offers)}"
        if self.owners.setdefault(pc_id, session_id) != session_id:
            raise PeerNotFoundError("another session's")
        return Answer(sdp="v=0", pc_id=pc_id)

    async def add_candidates(
        self, pc_id: str, candidates: Sequence[Candidate], *, session_id: str | None
    ) -> None:
        if session_id not in (None, self.session_of(pc_id)):
            raise PeerNotFoundError("another session's")
        self.candidates.append((session_id, pc_id, candidates))

    def session_of(self, pc_id: str) -> str:
        if pc_id not in self.owners:
            raise PeerNotFoundError(f"no peer connection has the id '{pc_id}' here")
        return self.owners[pc_id]


class NoWebSockets:
    """For tests in which no socket may be accepted."""

    async def accept(
        self, websocket: WebSocket, *, session_id: str, attempt: str | None = None
    ) -> Connection:
        raise AssertionError(f"a socket was accepted for session {session_id}")


class OneResource:
    """A pool with one resource."""

    def statistics(self) -> Sequence[ResourceStatistics]:
        return (STATISTICS,)


class NothingRecorded:
    """No session has a recording."""

    def list(self, session_id: str) -> Sequence[Recording]:
        return ()

    def path(self, session_id: str, number: int) -> Path:
        raise RecordingNotFoundError(f"session '{session_id}' has no recording {number}")

    def remove(self, session_id: str) -> None:
        """Nothing to remove."""


def services_of(harness: ConversationHarness, kept: KeptThings, **changes: Any) -> ApiServices:
    """Return services with the harness's sessions, access open, bound to loopback."""
    values: dict[str, Any] = {
        "sessions": harness.sessions,
        **kept.services(harness),
        "websockets": NoWebSockets(),
        "peers": RecordingPeers(),
        "pool": OneResource(),
        "recordings": NothingRecorded(),
        "metrics": Metrics(OneResource().statistics),
        "transports": OFFERABLE,
        "routes": ServerRoutes,
        "process": lambda: PROCESS,
        "knock_rules": KnockRules(bound_host="127.0.0.1"),
        "accounts": Accounts(Database(NOWHERE), "s" * 32, harness.clock),
        "default_agent": AGENT.id,
        "unready": lambda: None,
        "open_access": True,
        "ice": IceServers(lambda: 0.0, (TURN_SERVER,)),
    }
    return ApiServices(**(values | changes))
