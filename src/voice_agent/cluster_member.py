"""One of several processes at work: it has its share, and takes what the supervisor accepted."""

import asyncio
import signal
import socket
from typing import Any

from loguru import logger

from voice_agent.api.app import create_api
from voice_agent.api.whole_host import own_answer
from voice_agent.app import Application, application, services_of
from voice_agent.briefing import Briefing
from voice_agent.cluster.membership import Membership
from voice_agent.cluster.one_request import PLACED, OneRequest
from voice_agent.cluster.parcel import Parcel
from voice_agent.cluster.placement import Load
from voice_agent.cluster.taking import Taker
from voice_agent.listening import addresses_to_open, listen
from voice_agent.observability.memory import limit_malloc_arenas
from voice_agent.server import CAME_FROM, CameFrom, DrainingServer, server_config
from voice_agent.services.provider import Stage
from voice_agent.services.registry import PROVIDERS
from voice_agent.shares import share


class Member:
    """Serves what comes over `hand_over`."""

    def __init__(self, briefing: Briefing, hand_over: socket.socket) -> None:
        self._briefing = briefing
        self._hand_over = hand_over
        self._server: DrainingServer | None = None
        self._adopting: set[asyncio.Task[None]] = set()

    def stop(self, *, at_once: bool) -> bool:
        """Begin to stop; return whether it was serving already."""
        if self._server is None:
            return False
        self._server.stop(at_once=at_once)
        return True

    async def serve(self, membership: Membership) -> None:
        """Take calls until told to stop.

        Raises:
            SettingsError: Something in the settings stands in the way; the message names the mend.
        """
        limit_malloc_arenas()
        whole = self._briefing.settings
        hearing, _ = whole.provider(Stage.STT)
        entry = PROVIDERS[Stage.STT].get(hearing)
        lends = entry is not None and entry.lends
        own = share(whole, self._briefing.index, self._briefing.count, lends_hearing=lends)
        async with application(
            own,
            process=self._briefing.name,
            host_sessions=whole.max_sessions,
            listeners=(membership.note,),
        ) as app:
            if own.device_port is not None:
                listen(own.host, own.device_port, setting="VOICE_AGENT_DEVICE_PORT").close()
            await app.warm_up()
            app.serve_device()
            if not self._briefing.index:
                await app.announce_setup(addresses_to_open(whole, whole.port, ())[0])
            await self._take_calls(app, membership)

    async def _take_calls(self, app: Application, membership: Membership) -> None:
        services = services_of(app, membership)
        api = OneRequest(create_api(services), membership.settled)
        taker: Taker | None = None

        async def drain() -> None:
            if taker is not None:
                taker.close()
            await app.drain()

        server = DrainingServer(
            server_config(api, certificate=None, key=None), drain, stops_on=(signal.SIGTERM,)
        )
        self._server = server

        def adopt(connection: socket.socket, parcel: Parcel) -> None:
            task = asyncio.create_task(_adopt(server, membership, connection, parcel))
            self._adopting.add(task)
            task.add_done_callback(self._adopting.discard)

        taker = Taker(self._hand_over, adopt)
        membership.join(lambda: _load_of(app), lambda question: own_answer(services, question))
        await server.serve(sockets=[])


async def _adopt(
    server: DrainingServer, membership: Membership, connection: socket.socket, parcel: Parcel
) -> None:
    state: dict[str, Any] = {PLACED: parcel.number} if parcel.begins_session else {}
    if parcel.secured is not None:
        state[CAME_FROM] = CameFrom(parcel.secured.client, parcel.secured.server)
    try:
        await server.adopt(connection, parcel.received, state)
    except OSError as error:
        connection.close()
        logger.debug("a connection was gone when it came: {}", error)
        if parcel.begins_session:
            membership.settled(parcel.number)


def _load_of(app: Application) -> Load:
    return Load(
        sessions=app.sessions.live_count,
        peers=app.webrtc.open_count,
        quota=app.settings.max_sessions,
        is_ready=app.not_ready is None,
    )
