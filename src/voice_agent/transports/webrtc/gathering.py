"""Finds the candidates of a peer connection. Knows aioice inside, which `known_aioice.py` guards.

aioice binds any port and tells its own address; it takes a single TURN server, waits five seconds
for one that is down, and keeps to itself why it said no. Peers with an `IceRoute` gather here
instead: within a range of ports, under an announced address, with every TURN server in turn, and
no longer than what else there is makes worth while. All others are left alone.
"""

import asyncio
import socket
from collections.abc import Coroutine, Sequence
from ipaddress import ip_address
from typing import Any, cast

from aioice import ice, turn
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aiortc import RTCPeerConnection
from loguru import logger

from voice_agent.core.errors import MediaRouteError
from voice_agent.transports.webrtc.ice_route import IceRoute, TurnServer
from voice_agent.transports.webrtc.known_aioice import MAKE_TRANSPORT
from voice_agent.transports.webrtc.relays import TurnFault, first_relay
from voice_agent.transports.webrtc.turn_clients import (
    ALLOCATE_S,
    give_up,
    transport_to,
    use_clients,
)
from voice_agent.transports.webrtc.udp_ports import bind_udp

BESIDE_HOSTS_S = 1.0
"""How long STUN and TURN servers are waited for when there are candidates without them.

A healthy TURN server answers in two round trips, five over TLS. Who waits is a client that starts
its WebSocket 1.5 s after the offer.
"""


def follow(peer: RTCPeerConnection, route: IceRoute) -> None:
    """Let `peer` find its candidates as `route` says; to be called before it has an offer."""
    if route.turns:
        use_clients()
    peer.__class__ = _RoutedPeer
    cast("_RoutedPeer", peer).route = route


class _RoutedPeer(RTCPeerConnection):
    """A peer connection whose ICE connections are routed."""

    route: IceRoute

    def _RTCPeerConnection__createDtlsTransport(self) -> Any:  # noqa: N802 - aiortc's own name
        made = getattr(super(), MAKE_TRANSPORT)()
        connection = made.transport.iceGatherer._connection
        connection.__class__ = _RoutedConnection
        connection.route = self.route
        if self.route.relay_only:
            connection._transport_policy = ice.TransportPolicy.RELAY
        return made


class _RoutedConnection(ice.Connection):
    """An ICE connection that gathers as its route says."""

    route: IceRoute

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109 - aioice's own patience, not used here
    ) -> list[Candidate]:
        """Return the candidates; called by aioice, without addresses when only relays count.

        Raises:
            MediaRouteError: No port is left, or nothing but a relay would do and there is none.
        """
        del timeout
        hosts = [
            host for each in addresses if (host := await self._host(component, each)) is not None
        ]
        faults: dict[TurnServer, TurnFault] = {}
        searches = [self._reflexive(host) for host in hosts]
        searches.append(
            first_relay(self.route.turns, lambda server: self._relay_of(server, component), faults)
        )
        patience_s = BESIDE_HOSTS_S if hosts else ALLOCATE_S
        found = await _found_within(patience_s, searches)
        if self.route.turns and not any(each.type == "relay" for each in found):
            silent = f"did not answer in {patience_s:g} s"
            why = "; ".join(
                f"{each} {faults[each].words if each in faults else silent}"
                for each in self.route.turns
            )
            logger.warning("no relay: {}; voice-agent doctor looks into it", why)
            if not hosts:
                raise MediaRouteError(f"WebRTC needs a TURN server here and has none: {why}")
        return [*(host.local_candidate for host in hosts), *found]

    async def _host(self, component: int, address: str) -> ice.StunProtocol | None:
        """Return what listens on one of this machine's addresses, None if nothing can."""
        try:
            bound = bind_udp(address, self.route.ports)
        except OSError as error:
            logger.debug("no candidate on {}: {}", address, error)
            return None
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, turn.UDP_SOCKET_BUFFER_SIZE)
        port = bound.getsockname()[1]
        try:
            _, host = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: ice.StunProtocol(self), sock=bound
            )
        except BaseException:
            bound.close()
            raise
        self._protocols.append(host)
        shown = self.route.shown(address)
        host.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", shown),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=shown,
            port=port,
            type="host",
        )
        return host

    async def _reflexive(self, host: ice.StunProtocol) -> Candidate | None:
        if self.route.stun is None or ip_address(host.local_candidate.host).version != 4:
            return None
        candidate, _ = await ice.server_reflexive_candidate(host, self.route.stun)
        return candidate

    async def _relay_of(self, server: TurnServer, component: int) -> Candidate:
        candidate, relay = await ice.relayed_candidate(
            component=component,
            hide_related_address=self.route.relay_only,
            protocol_factory=lambda: _Relay(self),
            turn_server=(server.url.host, server.url.port),
            turn_username=server.username,
            turn_password=server.credential,
            turn_ssl=server.url.over_tls,
            turn_transport=transport_to(server),
        )
        if self._closing:
            await relay.close()
        else:
            self._protocols.append(relay)
        return candidate


class _Relay(ice.StunProtocol):
    """What is relayed, given up soon even by a TURN server that has gone."""

    async def close(self) -> None:
        """Give the relay up."""
        await give_up(self.transport)
        await super().close()


async def _found_within(
    patience_s: float, searches: Sequence[Coroutine[Any, Any, Candidate | None]]
) -> list[Candidate]:
    """Return what `searches` have found when all are over, or the time is."""
    tasks = [asyncio.create_task(search) for search in searches]
    try:
        done, _ = await asyncio.wait(tasks, timeout=patience_s)
    finally:
        for task in tasks:
            task.cancel()
    results = [task.result() for task in tasks if task in done and task.exception() is None]
    return [candidate for candidate in results if candidate is not None]
