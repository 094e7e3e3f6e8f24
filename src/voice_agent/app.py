"""The composition root: builds everything from the settings and knows all rooms."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from loguru import logger

from voice_agent.accounts.accounts import Accounts
from voice_agent.accounts.first_administrator import setup_link
from voice_agent.api.app import create_api
from voice_agent.api.knock import KnockRules
from voice_agent.api.services import ApiServices
from voice_agent.audio.recording.ogg import read_facts
from voice_agent.audio.recording.recorder import Recorder
from voice_agent.audio.turn_completion import TURN_COMPLETION
from voice_agent.audio.voice_activity import VOICE_ACTIVITY
from voice_agent.bot.agent_catalog import AgentCatalog
from voice_agent.bot.agents import AgentRepository, agents_directory
from voice_agent.bot.pipeline_factory import Engines, PipelineFactory
from voice_agent.bot.rehearsal import rehearse, rehearse_greeting
from voice_agent.cluster.elsewhere import OtherServers, Owners
from voice_agent.cluster.passport import Passports
from voice_agent.cluster.server_directory import ServerDirectory
from voice_agent.config import Settings
from voice_agent.console_files import console_directory
from voice_agent.core.clock import SystemClock
from voice_agent.core.errors import AgentNotFoundError, PoolRefusedError, SettingsError
from voice_agent.core.events import EventListener
from voice_agent.core.neighbours import Neighbours, NoNeighbours
from voice_agent.core.pool import WarmServicePool
from voice_agent.core.process_ids import process_name
from voice_agent.listening import addresses_to_open, host_addresses, listen
from voice_agent.observability.event_log import event_logger
from voice_agent.observability.garbage import GarbageCollection
from voice_agent.observability.memory import limit_malloc_arenas
from voice_agent.observability.metrics import Metrics
from voice_agent.observability.process_state import ProcessState
from voice_agent.observability.provider_health import ProviderStates
from voice_agent.observability.webhooks.listener import SessionAndTurns, WebhookListener
from voice_agent.observability.webhooks.registry import WebhookRegistry
from voice_agent.observability.webhooks.sender import WebhookSender
from voice_agent.observability.webhooks.target_rules import TargetRules
from voice_agent.private_files import secret_key
from voice_agent.providing import checked_providers, pool_sizes_of, provider_states_of
from voice_agent.routing import ice_servers_of
from voice_agent.server import DrainingServer, server_config
from voice_agent.services.provider import Provider, Stage
from voice_agent.sessions.device_port import serve_device
from voice_agent.sessions.manager import SessionManager, SessionPolicy
from voice_agent.sessions.records import SessionRecords
from voice_agent.sessions.retention import A_DAY_S, Retention
from voice_agent.sessions.tokens import SessionTokens
from voice_agent.storage.archive_writer import ArchiveWriter
from voice_agent.storage.delivery_rows import DeliveryRows
from voice_agent.storage.idempotency import Idempotency
from voice_agent.storage.recordings import RecordingFiles
from voice_agent.storage.server_rows import ServerRows
from voice_agent.storage.session_archive import SessionArchive
from voice_agent.storage.stored_agents import StoredAgents
from voice_agent.storage.webhook_rows import WebhookRows
from voice_agent.storing import database_of, session_store_of
from voice_agent.tls import tls_files
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import ServerRoutes
from voice_agent.transports.webrtc.ice_servers import IceServers
from voice_agent.transports.webrtc.known_aioice import require_known_aioice
from voice_agent.transports.webrtc.manager import WebRTCManager
from voice_agent.transports.websocket.device import DeviceConnection
from voice_agent.transports.websocket.manager import WebSocketManager


@dataclass
class Application:
    """What is built from the settings and lives as long as the server."""

    settings: Settings
    agents: AgentRepository
    pool: WarmServicePool
    pipelines: PipelineFactory
    voice: Provider
    sessions: SessionManager
    websockets: WebSocketManager
    ice: IceServers
    webrtc: WebRTCManager
    garbage: GarbageCollection
    metrics: Metrics
    accounts: Accounts
    catalog: AgentCatalog
    records: SessionRecords
    idempotency: Idempotency
    webhooks: WebhookRegistry
    recordings: RecordingFiles
    health: ProviderStates
    process: str
    started_at: float
    """In wall time, seconds."""
    recorder: Recorder | None = None
    """Records calls, where that is allowed."""
    others: OtherServers | None = None
    """Reaches the servers that share the sessions, where there are some."""
    not_ready: str | None = "the engines are being loaded"
    device: asyncio.Task[None] | None = None
    """Serves the device's port, where there is one."""

    async def warm_up(self) -> None:
        """Build what the first call would have to wait for.

        Raises:
            SettingsError: A provider is not ready; the message names the mend.
        """
        agent = self.agents.get(self.settings.default_agent)
        try:
            await self.pool.warm_up(self.pipelines.resources(agent))
            await rehearse(agent, self.pool, self.pipelines, SystemClock())
            if self.settings.phrase_cache_mb:
                await rehearse_greeting(agent, self.pool, self.voice)
        except PoolRefusedError as error:
            raise SettingsError(str(error)) from error
        self.sessions.watch_over_lost_ones()
        self.garbage.freeze()
        self.not_ready = None

    async def announce_setup(self, address: str) -> None:
        """Log how the first administrator is made, when there is to be one and is none.

        Args:
            address: Where the console is.
        """
        token = await self.accounts.setup_token() if self.settings.auth == "required" else None
        if token is not None:
            link = setup_link(address, token)
            logger.warning("nobody can sign in yet; make the first administrator: {}", link)

    def serve_device(self) -> None:
        """Listen for the device, if it has a port."""
        if self.settings.device_port is not None:
            self.device = asyncio.create_task(
                _serve_device(self, self.settings.device_port), name="device port"
            )

    def state(self) -> ProcessState:
        """Return what this process tells of itself."""
        return ProcessState(
            name=self.process,
            started_at=self.started_at,
            sessions={state.value: count for state, count in self.sessions.live_states().items()},
            max_sessions=self.settings.max_sessions,
            not_ready=self.not_ready,
            memory=self.metrics.memory(),
            providers=self.health.states(),
        )

    async def drain(self) -> None:
        """End every call; no further one is taken."""
        self.not_ready = "the server is stopping"
        if self.others is not None:
            await self.others.stop()
        await self.sessions.close()
        if self.recorder is not None:
            await self.recorder.close()
        if self.device is not None:
            self.device.cancel()
            await asyncio.gather(self.device, return_exceptions=True)
        await self.websockets.close()
        await self.webrtc.close()


@asynccontextmanager
async def application(
    settings: Settings,
    *,
    process: str | None = None,
    host_sessions: int | None = None,
    listeners: Iterable[EventListener] = (),
) -> AsyncIterator[Application]:
    """Build everything, and unmake it at the end; see `_build` for what goes in and wrong."""
    async with AsyncExitStack() as stack:
        name = process or process_name(0, settings.server)
        yield await _build(settings, stack, name, host_sessions, listeners)


async def _build(
    settings: Settings,
    stack: AsyncExitStack,
    process: str,
    host_sessions: int | None,
    listeners: Iterable[EventListener],
) -> Application:
    """Return everything, built.

    Args:
        settings: What this process may have.
        stack: Unmakes it, the last first.
        process: Its name.
        host_sessions: How many sessions all processes may have, where there are several.
        listeners: Who else is told what happens in sessions.

    Raises:
        SettingsError: Something in the settings stands in the way; the message names the mend.
    """
    clock = SystemClock()
    agents = AgentRepository(agents_directory(settings.agents_dir))
    _require_default_agent(settings, agents)
    ice = ice_servers_of(settings, clock.wall)
    if not ice.is_plain:
        require_known_aioice()
    providers = await checked_providers(settings)
    pool = WarmServicePool(pool_sizes_of(settings))
    recordings = RecordingFiles(settings.data_dir / "recordings", read_facts)
    recorder = Recorder(recordings.create, clock) if settings.recordings == "allowed" else None
    pipelines = PipelineFactory(
        providers, Engines(VOICE_ACTIVITY, TURN_COMPLETION), clock, recorder
    )
    chosen_key = settings.secret_key.get_secret_value() if settings.secret_key else None
    secret = secret_key(settings.data_dir, chosen_key)
    keeps_words = settings.transcripts == "keep"
    database = database_of(settings)
    stack.push_async_callback(database.close)
    await database.prepare()
    store = await stack.enter_async_context(session_store_of(settings, database))
    archive = SessionArchive(database)
    journal = ArchiveWriter(archive, keeps_words=keeps_words)
    journal.start()
    stack.push_async_callback(journal.close)
    accounts = Accounts(database, secret, clock)
    stack.push_async_callback(accounts.close)
    await accounts.start()
    catalog = AgentCatalog(agents, StoredAgents(database))
    idempotency = Idempotency(database, secret)
    garbage = GarbageCollection()
    stack.callback(garbage.close)
    stack.push_async_callback(pool.close)
    metrics = Metrics(pool.statistics)
    metrics.collect_archive(lambda: journal.statistics)
    health = provider_states_of(settings)
    webhook_rows, delivery_rows = WebhookRows(database), DeliveryRows(database)
    rules = TargetRules(allow_private=settings.webhook_allow_private)
    sender = WebhookSender(delivery_rows, webhook_rows, rules)
    stack.push_async_callback(sender.stop)

    async def workspace_of(session_id: str) -> str:
        workspace_id, _ = await records.whose(session_id)
        return workspace_id

    async def conversation_of(session_id: str) -> SessionAndTurns:
        return await records.conversation(session_id)

    async def remove_recordings(session_id: str) -> None:
        await asyncio.to_thread(recordings.remove, session_id)

    webhook_listener = WebhookListener(
        webhook_rows, delivery_rows, workspace_of, conversation_of, sender.wake
    )
    stack.push_async_callback(webhook_listener.stop)
    metrics.collect_webhooks(sender.statistics, lambda: webhook_listener.dropped)
    sessions = SessionManager(
        owner=f"{process}.{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        agents=catalog,
        store=store,
        pool=pool,
        pipelines=pipelines,
        tokens=SessionTokens(secret, clock.wall),
        policy=SessionPolicy(
            default_agent=settings.default_agent,
            max_sessions=settings.max_sessions,
            host_sessions=host_sessions,
            resume_window_s=settings.resume_window,
            keeps_words=keeps_words,
        ),
        clock=clock,
        journal=journal,
        listeners=(
            event_logger(words=keeps_words),
            garbage,
            metrics,
            health,
            webhook_listener,
            *listeners,
        ),
        erasers=(delivery_rows.remove_of_session, remove_recordings),
        process=process,
    )
    metrics.collect_sessions(sessions.live_states)
    records = SessionRecords(archive, journal.flush, sessions)
    app = Application(
        settings=settings,
        agents=agents,
        pool=pool,
        pipelines=pipelines,
        voice=providers[Stage.TTS],
        sessions=sessions,
        websockets=WebSocketManager(clock.monotonic),
        ice=ice,
        webrtc=WebRTCManager(ice.route, process=process),
        garbage=garbage,
        metrics=metrics,
        accounts=accounts,
        catalog=catalog,
        records=records,
        webhooks=WebhookRegistry(webhook_rows, delivery_rows, rules, sender.wake),
        idempotency=idempotency,
        recordings=recordings,
        health=health,
        process=process,
        started_at=clock.wall(),
        recorder=recorder,
    )
    stack.push_async_callback(app.drain)
    if settings.internal_url is not None and settings.server is not None:
        app.others = OtherServers(
            process,
            Owners(lambda session_id: sessions.live(session_id) is not None, store.owner),
            ServerDirectory(
                ServerRows(database),
                settings.server,
                settings.internal_url,
                clock.wall,
                clock.monotonic,
            ),
            Passports(secret, clock.wall),
        )
        stack.push_async_callback(app.others.stop)
        await app.others.start()
    retention = Retention(
        settings.retention_days,
        archive.ended_before,
        sessions.erase,
        (
            idempotency.remove_old,
            lambda: delivery_rows.remove_older((settings.retention_days or 30.0) * A_DAY_S),
        ),
        clock.wall,
    )
    sender.start()
    webhook_listener.start()
    retention.start()
    stack.push_async_callback(retention.stop)
    return app


def services_of(app: Application, neighbours: Neighbours | None = None) -> ApiServices:
    """Return what the routes call of `app`, and of the processes beside this one."""
    settings = app.settings
    return ApiServices(
        sessions=app.sessions,
        websockets=app.websockets,
        peers=app.webrtc,
        records=app.records,
        idempotency=app.idempotency,
        webhooks=app.webhooks,
        agents=app.catalog,
        pool=app.pool,
        metrics=app.metrics,
        process=app.state,
        accounts=app.accounts,
        default_agent=settings.default_agent,
        recordings=app.recordings,
        transports=tuple(TransportKind(name) for name in settings.transports),
        routes=_routes(app),
        knock_rules=KnockRules(
            bound_host=settings.host,
            public_url=settings.public_url,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
            # While nobody is asked for a key, a page that is let in could do everything.
            further_origins=() if settings.auth == "off" else app.accounts.origins,
        ),
        unready=lambda: app.not_ready,
        open_access=settings.auth == "off",
        public_url=settings.public_url,
        ice=app.ice,
        console=console_directory(),
        elsewhere=app.others.middleware if app.others else None,
        neighbours=neighbours or NoNeighbours(),
    )


async def run(settings: Settings, announce: Callable[[str], None]) -> int:
    """Serve until told to stop; return the exit code. Logs go where the process sends them.

    Args:
        settings: What the operator chose.
        announce: Called with each address to open, when calls can be taken.

    Raises:
        SettingsError: Something in the settings stands in the way; the message names the mend.
    """
    limit_malloc_arenas()
    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    own_addresses = host_addresses()
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        tls = tls_files(settings, own_addresses, datetime.now(UTC))
        app = await stack.enter_async_context(application(settings))
        if settings.device_port is not None:
            listen(settings.host, settings.device_port, setting="VOICE_AGENT_DEVICE_PORT").close()
        await app.warm_up()
        config = server_config(
            create_api(services_of(app)),
            certificate=str(tls.certificate) if tls else None,
            key=str(tls.key) if tls else None,
        )
        server = DrainingServer(config, app.drain)
        app.serve_device()
        addresses = addresses_to_open(settings, port, own_addresses)
        for address in addresses:
            announce(address)
        await app.announce_setup(addresses[0])
        await server.serve(sockets=[listener])
    return 0


def _require_default_agent(settings: Settings, agents: AgentRepository) -> None:
    try:
        agents.get(settings.default_agent)
    except AgentNotFoundError as error:
        raise SettingsError(f"VOICE_AGENT_DEFAULT_AGENT: {error}") from error


async def _serve_device(app: Application, port: int) -> None:
    clock = SystemClock()
    await serve_device(
        app.sessions,
        lambda session_id: DeviceConnection(
            app.settings.host, port, session_id=session_id, now=clock.monotonic
        ),
    )


def _routes(app: Application) -> Callable[[], ServerRoutes]:
    """Return what tells how this process can be reached now."""
    return lambda: ServerRoutes(
        has_route=app.ice.has_route(host_addresses()),
        relay_over_tcp=app.ice.has_turn_over_tcp,
        load=app.sessions.load,
    )
