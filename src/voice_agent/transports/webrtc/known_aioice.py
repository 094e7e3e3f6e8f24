"""Whether aioice and aiortc are those whose inside `gathering.py` and `turn_clients.py` know."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from voice_agent.core.errors import SettingsError

AIOICE = "0.13."
MAKE_TRANSPORT = "_RTCPeerConnection__createDtlsTransport"
ANSWER = "_Transaction__future"
CLOSING = "_TurnTransport__close_task"

PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aioice.ice:Connection.get_component_candidates": (
            *("self", "component", "addresses", "timeout"),
        ),
        "aioice.ice:StunProtocol.__init__": ("self", "receiver"),
        "aioice.ice:server_reflexive_candidate": ("protocol", "stun_server"),
        "aioice.ice:relayed_candidate": (
            *("component", "hide_related_address", "protocol_factory", "turn_server"),
            *("turn_username", "turn_password", "turn_ssl", "turn_transport"),
        ),
        "aioice.turn:TurnClientUdpProtocol._send": ("self", "data"),
        "aioice.turn:TurnClientTcpProtocol._send": ("self", "data"),
        f"aiortc:RTCPeerConnection.{MAKE_TRANSPORT}": ("self",),
    }
)
"""Functions, and their parameters."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aioice.ice:Connection": ("_protocols", "_transport_policy", "_closing"),
        "aioice.stun:Transaction": (ANSWER,),
        "aioice.turn:TurnTransport": (CLOSING,),
        "aioice.turn:TurnClientMixin": ("receiver", "transactions"),
    }
)
"""Classes, and what their objects have."""


def require_known_aioice() -> None:
    """Do nothing when they are.

    Raises:
        SettingsError: They are not; the message names the mend.
    """
    found, strange = version("aioice"), list(_strange())
    if found.startswith(AIOICE) and not strange:
        return
    differing = f" (differing: {', '.join(strange)})" if strange else ""
    raise SettingsError(
        "VOICE_AGENT_ICE_SERVERS, _TURN_URLS, _ICE_TRANSPORT_POLICY, _UDP_PORTS and "
        f"_ANNOUNCED_ADDRESS need aioice {AIOICE}x and an aiortc that goes with it; here are "
        f"aioice {found} and aiortc {version('aiortc')}{differing}. Set none of them, or "
        f"pip install 'aioice>={AIOICE}0,<0.14' 'aiortc>=1.16,<2'"
    )


def _strange() -> Iterator[str]:
    for path, parameters in PARAMETERS.items():
        function = _find(path)
        if function is None or tuple(inspect.signature(function).parameters) != parameters:
            yield path
    for path, names in ATTRIBUTES.items():
        kind = _find(path)
        if kind is None or not set(names) <= set(kind.__init__.__code__.co_names):
            yield path


def _find(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return attrgetter(name)(import_module(module))
    except (ImportError, AttributeError):
        return None
