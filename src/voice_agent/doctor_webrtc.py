"""The doctor's checks of how WebRTC's audio finds its way."""

import asyncio
import time
from collections.abc import Iterator, Sequence

from voice_agent.config import Settings
from voice_agent.core.errors import MediaRouteError
from voice_agent.doctor_check import Check, Status
from voice_agent.routing import ice_servers_of
from voice_agent.transports.webrtc.ice_route import TurnServer
from voice_agent.transports.webrtc.udp_ports import bind_udp

_WHO = "doctor"
"""Stands for the session in the credentials."""


def check_webrtc(settings: Settings, addresses: Sequence[str]) -> Check:
    """Look whether WebRTC has an address to offer; loopback is never a candidate."""
    route = ice_servers_of(settings, time.time).route(_WHO)
    relays = ", ".join(map(str, route.turns))
    if route.relay_only:
        return Check("WebRTC", Status.OK, f"relayed only, by {relays}")
    if addresses:
        shown = ", ".join(dict.fromkeys(map(route.shown, addresses)))
        return Check("WebRTC", Status.OK, f"candidates from {shown}")
    if relays:
        return Check("WebRTC", Status.OK, f"no address of its own, relayed by {relays}")
    fallback = "websocket" in settings.transports
    return Check(
        "WebRTC",
        Status.WARNING if fallback else Status.FAILED,
        "this machine has only loopback addresses, which are no candidates"
        + "; calls go over WebSocket" * fallback,
        "connect a network interface, or set VOICE_AGENT_TRANSPORTS=websocket",
    )


def check_udp_ports(settings: Settings, addresses: Sequence[str]) -> Iterator[Check]:
    """Look whether the range of UDP ports, if there is one, has a port for each call."""
    ports = settings.udp_ports
    if ports is None or not addresses:
        return
    try:
        bind_udp(addresses[0], ports).close()
    except (MediaRouteError, OSError) as error:
        mend = "stop what uses them, or choose a range above 1023 in VOICE_AGENT_UDP_PORTS"
        yield Check("UDP ports", Status.FAILED, str(error), mend)
        return
    if ports.size < settings.max_sessions:
        yield Check(
            "UDP ports",
            Status.WARNING,
            f"{ports}: {ports.size}, for up to {settings.max_sessions} calls with one each",
            "widen VOICE_AGENT_UDP_PORTS, or lower VOICE_AGENT_MAX_SESSIONS",
        )
        return
    yield Check("UDP ports", Status.OK, str(ports))


async def check_turn(settings: Settings) -> Sequence[Check]:
    """Get a relay from every TURN server, with fresh credentials, and give it up again."""
    route = ice_servers_of(settings, time.time).route(_WHO)
    found = await asyncio.gather(*(_look_at(server) for server in route.turns))
    nothing_else = route.relay_only and not any(check.status is Status.OK for check in found)
    if not nothing_else:
        return found
    return [Check(each.name, Status.FAILED, each.detail, each.mend) for each in found]


async def _look_at(server: TurnServer) -> Check:
    # They import aioice, which the supervisor does without.
    from voice_agent.transports.webrtc.relays import FaultKind, fault_of  # noqa: PLC0415
    from voice_agent.transports.webrtc.turn_clients import allocate  # noqa: PLC0415

    try:
        host, port = await allocate(server)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from working is a finding
        fault = fault_of(error)
        mend = {
            FaultKind.REFUSED: "set VOICE_AGENT_TURN_SECRET to its static-auth-secret, or mend the "
            "user name and password in VOICE_AGENT_ICE_SERVERS; and compare the clocks",
            FaultKind.FULL: "raise its quotas (coturn: user-quota, total-quota)",
            FaultKind.UNREACHABLE: "start it, let its ports through the firewall, or mend the "
            "address in VOICE_AGENT_TURN_URLS or VOICE_AGENT_ICE_SERVERS",
            FaultKind.UNTRUSTED: "give it a certificate that this machine trusts, for that name",
        }.get(fault.kind, "see its log")
        return Check("TURN", Status.WARNING, f"{server} {fault.words}", mend)
    return Check("TURN", Status.OK, f"{server} works: it relayed at {host} port {port}")
