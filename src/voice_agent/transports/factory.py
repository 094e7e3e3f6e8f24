"""Which transports to offer a client, in which order, and why. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from voice_agent.core.errors import TransportUnavailableError
from voice_agent.transports.base import TransportKind

OFFERABLE = (TransportKind.WEBRTC, TransportKind.WEBSOCKET)
"""What `VOICE_AGENT_TRANSPORTS` may name, in the order of the default."""


@dataclass(frozen=True)
class TransportStep:
    """One way to try, and why it stands where it stands."""

    kind: TransportKind
    reason: str


def plan_transports(
    wanted: TransportKind | None,
    offered: Sequence[TransportKind],
    *,
    client_can: frozenset[TransportKind] = frozenset(OFFERABLE),
) -> Sequence[TransportStep]:
    """Return what the client should try, in order.

    Args:
        wanted: What the client asks for; None lets the server choose.
        offered: What the server is set to offer, in its order.
        client_can: What the client says it can do.

    Raises:
        TransportUnavailableError: Nothing is left; the message says why.
    """
    if wanted is not None:
        if wanted not in offered:
            names = ", ".join(offered) or "nothing"
            raise TransportUnavailableError(
                f"transport '{wanted}' is not offered here; offered: {names} "
                "(VOICE_AGENT_TRANSPORTS)"
            )
        return (TransportStep(wanted, "the client asked for it"),)
    steps = tuple(
        TransportStep(kind, f"number {place} of what the server offers")
        for place, kind in enumerate(offered, start=1)
        if kind in client_can
    )
    if not steps:
        raise TransportUnavailableError(
            f"the client can use {', '.join(sorted(client_can)) or 'no transport'}, "
            f"the server offers {', '.join(offered) or 'none'}"
        )
    return steps
