"""Finds the candidates of a peer connection. The one file that knows aioice inside.

aioice binds any port and tells its own address; it takes a single TURN server, waits five seconds
for one that is down, and keeps to itself why it said no. Peers with an `IceRoute` gather here
instead: within a range of ports, under an announced address, with every TURN server in turn, and
no longer than what else there is makes worth while. All others are left alone.
"""

import asyncio
import inspect
import socket
from collections.abc import Coroutine, Sequence
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, cast

from aioice import ice, turn
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aiortc import RTCPeerConnection
from loguru import logger

from voice_agent.core.errors import MediaRouteError, SettingsError
from voice_agent.transports.webrtc.ice_route import IceRoute, TurnServer
from voice_agent.transports.webrtc.relays import TurnFault, first_relay
from voice_agent.transports.webrtc.udp_ports import bind_udp

BESIDE_HOSTS_S = 1.0
"""How long STUN and TURN servers are waited for when there are candidates without them.

A healthy TURN server answers in two round trips, five over TLS. Who waits is a client that starts
its WebSocket 1.5 s after the offer.
"""
ALONE_S = 4.0
"""The same when nothing else can be offered: time for one lost packet, or a far server."""
FAREWELL_S = 2.0
"""How long a TURN server may take to confirm that a relay is given up; aioice waits a minute."""

_AIOICE = "0.13."
_MAKE_TRANSPORT = "_RTCPeerConnection__createDtlsTransport"
_CLOSING_RELAY = "_TurnTransport__close_task"
_CONNECTION_HAS = {"_protocols", "_transport_policy", "_closing"}
_EXPECTED = (
    (ice.Connection.get_component_candidates, ("self", "component", "addresses", "timeout")),
    (ice.StunProtocol.__init__, ("self", "receiver")),
    (ice.server_reflexive_candidate, ("protocol", "stun_server")),
    (
        ice.relayed_candidate,
        (
            *("component", "hide_related_address", "protocol_factory", "turn_server"),
            *("turn_username", "turn_password", "turn_ssl", "turn_transport"),
        ),
    ),
    (getattr(RTCPeerConnection, _MAKE_TRANSPORT, None), ("self",)),
)


def require_known_aioice() -> None:
    """Do nothing when aioice and aiortc are what this file was written for.

    Raises:
        SettingsError: They are not; the message names the mend.
    """
    found = version("aioice")
    strange = [
        getattr(function, "__qualname__", "RTCPeerConnection")
        for function, names in _EXPECTED
        if function is None or tuple(inspect.signature(function).parameters) != names
    ]
    strange += _CONNECTION_HAS - vars(ice.Connection(ice_controlling=False)).keys()
    if found.startswith(_AIOICE) and not strange:
        return
    raise SettingsError(
        "VOICE_AGENT_ICE_SERVERS, _TURN_URLS, _ICE_TRANSPORT_POLICY, _UDP_PORTS and "
        f"_ANNOUNCED_ADDRESS need aioice {_AIOICE}x with an aiortc that goes with it, and found "
        f"are aioice {found} and aiortc {version('aiortc')}"
        + f" (differing: {', '.join(sorted(strange))})"
        * bool(strange)
        + f"; install the versions of requirements/, or set none of these: "
        f"pip install 'aioice>={_AIOICE}0,<0.14' 'aiortc>=1.16,<2'"
    )


def follow(peer: RTCPeerConnection, route: IceRoute) -> None:
    """Let `peer` find its candidates as `route` says; to be called before it has an offer."""
    if not route.is_plain:
        peer.__class__ = _RoutedPeer
        cast("_RoutedPeer", peer).route = route


async def allocate(server: TurnServer) -> tuple[str, int]:
    """Get a relay from a TURN server, give it up again, and return its address.

    Raises:
        Exception: It gave none; `relays.fault_of` says why.
    """
    async with asyncio.timeout(ALONE_S):
        transport, _ = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=(server.url.host, server.url.port),
            username=server.username,
            password=server.credential,
            ssl=server.url.over_tls,
            transport=_transport(server),
        )
    address: tuple[str, int] = transport.get_extra_info("sockname")
    await _give_up(transport)
    return address


class _RoutedPeer(RTCPeerConnection):
    """A peer connection whose ICE connections are routed."""

    route: IceRoute

    def _RTCPeerConnection__createDtlsTransport(self) -> Any:  # noqa: N802 - aiortc's own name
        made = getattr(super(), _MAKE_TRANSPORT)()
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
        patience_s = BESIDE_HOSTS_S if hosts else ALONE_S
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
        _, host = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: ice.StunProtocol(self), sock=bound
        )
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
            turn_transport=_transport(server),
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
        await _give_up(self.transport)
        await super().close()


def _transport(server: TurnServer) -> str:
    return "tcp" if server.url.over_tcp else "udp"


async def _give_up(transport: Any) -> None:
    """Give up what a `TurnTransport` relays, whether or not the TURN server confirms it."""
    transport.close()
    closing = getattr(transport, _CLOSING_RELAY)
    done, _ = await asyncio.wait({closing}, timeout=FAREWELL_S)
    if not done:
        # aioice closes the socket then; the server forgets the relay when it was not renewed.
        closing.cancel()


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
