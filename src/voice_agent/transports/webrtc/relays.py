"""Asks TURN servers for a relay, one after another, and says why one gave none."""

import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

from aioice import stun

from voice_agent.core.staggered_race import staggered_race
from voice_agent.transports.webrtc.ice_route import TurnServer

HEAD_START_S = 0.5
"""How long a TURN server is alone before the next one is asked as well."""

Relay = TypeVar("Relay")


class FaultKind(Enum):
    """What kind of thing is wrong with a TURN server."""

    REFUSED = auto()
    """It does not take the credentials."""
    FULL = auto()
    UNREACHABLE = auto()
    UNTRUSTED = auto()
    """Its TLS certificate."""
    OTHER = auto()


@dataclass(frozen=True)
class TurnFault:
    """What is wrong with a TURN server, in words that stand behind its name."""

    kind: FaultKind
    words: str


async def first_relay(
    servers: Sequence[TurnServer],
    ask: Callable[[TurnServer], Coroutine[Any, Any, Relay]],
    faults: dict[TurnServer, TurnFault],
) -> Relay | None:
    """Return the first relay that one of `servers` gives, None when none of them does.

    Args:
        servers: Asked in this order; the next one when those before have failed or are slow.
        ask: Gets a relay.
        faults: Takes what is wrong with a server, as soon as that is known.
    """

    def failed(place: int, error: BaseException) -> None:
        faults[servers[place]] = fault_of(error)

    return await staggered_race([partial(ask, each) for each in servers], HEAD_START_S, failed)


def fault_of(error: BaseException) -> TurnFault:
    """Return what is wrong with the TURN server that led to `error`."""
    match error:
        case stun.TransactionFailed():
            return _refusal(*error.response.attributes.get("ERROR-CODE", (0, "")))
        case stun.TransactionTimeout() | TimeoutError():
            return TurnFault(FaultKind.UNREACHABLE, "does not answer")
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or error
            return TurnFault(FaultKind.UNTRUSTED, f"fails at TLS ({reason})")
        case socket.gaierror():
            return TurnFault(FaultKind.UNREACHABLE, "has a name that is not known")
        case ConnectionRefusedError():
            return TurnFault(FaultKind.UNREACHABLE, "is down: nothing listens there")
        case ConnectionResetError():
            return TurnFault(FaultKind.UNREACHABLE, "hangs up")
        case OSError():
            return TurnFault(FaultKind.UNREACHABLE, f"cannot be reached ({_plain(error)})")
        case _:
            return TurnFault(FaultKind.OTHER, f"failed: {error!r}")


def _plain(error: OSError) -> str:
    return error.strerror or str(error)


def _refusal(code: int, words: str) -> TurnFault:
    match code:
        case 401 | 403 | 441:
            return TurnFault(FaultKind.REFUSED, f"refuses the credentials ({code})")
        case 486 | 508:
            return TurnFault(FaultKind.FULL, f"has no room for a further relay ({code})")
        case _:
            return TurnFault(FaultKind.OTHER, f"says no ({code} {words.strip()})")
