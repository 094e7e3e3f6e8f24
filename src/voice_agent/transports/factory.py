"""Which transports a client should try, in which order, and why. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voice_agent.core.errors import TransportUnavailableError
from voice_agent.transports.base import TransportKind

OFFERABLE = (TransportKind.WEBRTC, TransportKind.WEBSOCKET)
"""What `VOICE_AGENT_TRANSPORTS` may name, in the order of the default."""
BUSY: Final = 0.8
"""The load from which on WebSocket comes first: a WebRTC call costs 1.6 times as much CPU
(docs/benchmark.md)."""
_TITLES: Final = {TransportKind.WEBRTC: "WebRTC", TransportKind.WEBSOCKET: "WebSocket"}


class ClientKind(StrEnum):
    """What kind of client it is."""

    BROWSER = "browser"
    PHONE = "phone"
    """A phone provider that streams a call's audio."""
    DEVICE = "device"


@dataclass(frozen=True)
class ClientAbilities:
    """What a client says it can do."""

    transports: frozenset[TransportKind] = frozenset(OFFERABLE)
    udp: bool | None = None
    """Whether UDP gets out of its network; None when it does not know."""
    microphone: bool = True
    """Whether it may use a microphone."""
    kind: ClientKind | None = None


@dataclass(frozen=True)
class ServerRoutes:
    """How a server can be reached now."""

    has_route: bool = True
    """Whether its WebRTC peers have any candidate: an address of its own, or a TURN server's."""
    relay_over_tcp: bool = False
    """Whether a TURN server is configured that clients reach over TCP."""
    load: float = 0.0
    """How busy the process is, from 0 to 1."""


@dataclass(frozen=True)
class TransportStep:
    """One way to try, and why it stands where it stands."""

    kind: TransportKind
    reason: str


@dataclass(frozen=True)
class TransportPlan:
    """What to try, in order, and what not, each with its reason. There is at least one step."""

    steps: Sequence[TransportStep]
    left_out: Sequence[TransportStep] = ()


def require_offered(kind: TransportKind, offered: Sequence[TransportKind]) -> None:
    """Do nothing when `kind` is offered, else raise TransportUnavailableError."""
    if kind not in offered:
        names = ", ".join(offered) or "nothing"
        raise TransportUnavailableError(
            f"transport '{kind}' is not offered here; offered: {names} (VOICE_AGENT_TRANSPORTS)"
        )


def plan_transports(
    wanted: TransportKind | None,
    offered: Sequence[TransportKind],
    client: ClientAbilities,
    server: ServerRoutes,
) -> TransportPlan:
    """Return what the client should try, in order, and what it should leave.

    Args:
        wanted: What the client asks for; None lets the server choose.
        offered: What the server is set to offer, in its order.
        client: What the client can do.
        server: How the server can be reached.

    Raises:
        TransportUnavailableError: Nothing is left; the message says why.
    """
    if wanted is not None:
        require_offered(wanted, offered)
        obstacle = _obstacle(wanted, client, server)
        if obstacle is not None:
            raise TransportUnavailableError(f"transport '{wanted}' cannot be used: {obstacle}")
        return TransportPlan((TransportStep(wanted, "the client asked for it"),))
    first, later, left_out = [], [], []
    for kind in offered:
        obstacle, drawback = _obstacle(kind, client, server), _drawback(kind, client, server)
        if obstacle is not None:
            left_out.append(TransportStep(kind, obstacle))
        elif drawback is not None:
            later.append(TransportStep(kind, drawback))
        else:
            first.append(kind)
    steps = [TransportStep(kind, _place(kind, rank, offered)) for rank, kind in enumerate(first)]
    if not steps and not later:
        reasons = "; ".join(f"{_TITLES[step.kind]}: {step.reason}" for step in left_out)
        raise TransportUnavailableError(f"no transport is left for this client. {reasons}")
    return TransportPlan((*steps, *later), tuple(left_out))


def _place(kind: TransportKind, rank: int, offered: Sequence[TransportKind]) -> str:
    """Return why `kind` comes as the `rank`th of those without a drawback."""
    if rank > 0:
        return "the next that the server offers, for when none before it connects"
    if kind is offered[0]:
        return "the first that the server offers"
    return "the first that is left of what the server offers"


def _obstacle(kind: TransportKind, client: ClientAbilities, server: ServerRoutes) -> str | None:
    """Return why `kind` cannot work at all, None when it can."""
    if kind not in client.transports:
        return f"the client says that it cannot use {_TITLES[kind]}"
    if kind is not TransportKind.WEBRTC:
        return None
    if client.kind is ClientKind.PHONE:
        return "phone providers stream audio over WebSocket"
    if not server.has_route:
        return (
            "this machine has no address but loopback, so nobody could find it; connect it to a "
            "network or name a TURN server (VOICE_AGENT_TURN_URLS)"
        )
    if client.udp is False and not server.relay_over_tcp:
        return (
            "UDP does not get out of the client's network, and no TURN server over TCP is "
            "configured (VOICE_AGENT_TURN_URLS, 'turn:...?transport=tcp' or 'turns:...')"
        )
    return None


def _drawback(kind: TransportKind, client: ClientAbilities, server: ServerRoutes) -> str | None:
    """Return why `kind` should come after those that have no drawback, None when it has none."""
    if kind is not TransportKind.WEBRTC:
        return None
    if client.udp is False:
        return "UDP does not get out of the client's network: it would take a TURN server over TCP"
    if not client.microphone:
        return (
            "without a microphone to send, WebSocket connects sooner, and browsers hide "
            "their addresses from WebRTC"
        )
    if server.load >= BUSY:
        return f"this process is busy ({server.load:.0%}), and WebRTC costs it more"
    return None
