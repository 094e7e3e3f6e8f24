"""The API over real sockets: real sessions and transports, scripted providers, uvicorn."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from websockets.asyncio.client import connect as open_websocket

from tests.kept import kept_in
from voice_agent.accounts.accounts import Accounts
from voice_agent.api.app import create_api
from voice_agent.api.knock import KnockRules
from voice_agent.api.services import ApiServices
from voice_agent.audio.recording.ogg import read_facts
from voice_agent.core.agent import Agent
from voice_agent.listening import listen
from voice_agent.observability.metrics import Metrics
from voice_agent.observability.process_state import ProcessState
from voice_agent.server import server_config
from voice_agent.storage.database import Database, sqlite_url
from voice_agent.storage.recordings import RecordingFiles
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.factory import OFFERABLE, ServerRoutes
from voice_agent.transports.webrtc.manager import WebRTCManager
from voice_agent.transports.websocket.manager import WebSocketManager

PROCESS = ProcessState(
    name="p0",
    started_at=0.0,
    sessions={},
    max_sessions=50,
    not_ready=None,
    memory=0,
    providers=(),
)
NOWHERE = sqlite_url(Path("/nowhere/voice-agent.db"))
AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
STOP_TIMEOUT_S = 10.0


@dataclass
class Site:
    """A running server, and what is behind it."""

    harness: ConversationHarness
    port: int
    http: httpx2.AsyncClient
    websockets: WebSocketManager
    webrtc: WebRTCManager
    config: uvicorn.Config = field(repr=False)

    def connect(self, path: str, **options: Any) -> open_websocket:
        """Open a WebSocket."""
        return open_websocket(f"ws://localhost:{self.port}{path}", proxy=None, **options)

    def connect_as(self, host: str, path: str) -> open_websocket:
        """Open a WebSocket to this server under another name."""
        uri = f"ws://{host}:{self.port}{path}"
        return open_websocket(uri, proxy=None, host="127.0.0.1", port=self.port)


SiteMaker = Callable[..., AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def serve_site(harness: ConversationHarness, **changes: Any) -> AsyncIterator[Site]:
    """Serve the API on a free port of loopback."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            kept_in(Path(folder), AGENT) as kept,
            _serve(harness, **{**kept.services(harness), **changes}) as site,
        ):
            yield site


@asynccontextmanager
async def _serve(harness: ConversationHarness, **changes: Any) -> AsyncIterator[Site]:
    sockets = WebSocketManager(harness.clock.monotonic)
    webrtc = WebRTCManager()
    values: dict[str, Any] = {
        "sessions": harness.sessions,
        "websockets": sockets,
        "peers": webrtc,
        "pool": harness.pool,
        "recordings": RecordingFiles(Path("nowhere"), read_facts),
        "metrics": Metrics(harness.pool.statistics),
        "transports": OFFERABLE,
        "routes": ServerRoutes,
        "process": lambda: PROCESS,
        "knock_rules": KnockRules(bound_host="127.0.0.1"),
        "accounts": Accounts(Database(NOWHERE), "s" * 32, harness.clock),
        "default_agent": AGENT.id,
        "unready": lambda: None,
        "open_access": True,
    }
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    config = server_config(
        create_api(ApiServices(**(values | changes))), certificate=None, key=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="test server")
    base_url = f"http://localhost:{port}"
    try:
        async with httpx2.AsyncClient(base_url=base_url, trust_env=False, timeout=10) as http:
            yield Site(harness, port, http, sockets, webrtc, config)
    finally:
        await harness.sessions.close()
        await sockets.close()
        await webrtc.close()
        server.should_exit = True
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await serving
        listener.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server with open access and no page."""
    folder = tmp_path / "kept"
    folder.mkdir()
    async with (
        kept_in(folder, AGENT) as kept,
        ConversationHarness(AGENT, journal=kept.journal) as harness,
        serve_site(harness, **kept.services(harness)) as site,
    ):
        yield site
