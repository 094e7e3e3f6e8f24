from typing import Any

import pytest

from voice_agent.core.errors import TransportUnavailableError
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import (
    BUSY,
    ClientAbilities,
    ClientKind,
    ServerRoutes,
    TransportPlan,
    plan_transports,
)

WEBRTC, WEBSOCKET = TransportKind.WEBRTC, TransportKind.WEBSOCKET
OFFERED = (WEBRTC, WEBSOCKET)
RELAYED = {"relay_over_tcp": True}
LONELY = {"has_route": False}


def planned_for(
    wanted: TransportKind | None, client: dict[str, Any], server: dict[str, Any]
) -> TransportPlan:
    """Plan for a client and a server of which only what is unusual is said."""
    routes = {name: value for name, value in server.items() if name != "offered"}
    offered = server.get("offered", OFFERED)
    return plan_transports(wanted, offered, ClientAbilities(**client), ServerRoutes(**routes))


@pytest.mark.parametrize(
    ("wanted", "client", "server", "planned", "left_out"),
    [
        (None, {}, {}, [WEBRTC, WEBSOCKET], []),
        (None, {}, {"offered": (WEBSOCKET, WEBRTC)}, [WEBSOCKET, WEBRTC], []),
        (None, {}, {"offered": (WEBRTC,)}, [WEBRTC], []),
        (None, {"transports": frozenset({WEBSOCKET})}, {}, [WEBSOCKET], [WEBRTC]),
        (None, {"transports": frozenset({WEBRTC})}, {}, [WEBRTC], [WEBSOCKET]),
        (WEBRTC, {}, {}, [WEBRTC], []),
        (WEBSOCKET, {}, {"offered": (WEBSOCKET,)}, [WEBSOCKET], []),
        (None, {}, LONELY, [WEBSOCKET], [WEBRTC]),
        (None, {"udp": True}, {}, [WEBRTC, WEBSOCKET], []),
        (None, {"udp": False}, {}, [WEBSOCKET], [WEBRTC]),
        (None, {"udp": False}, RELAYED, [WEBSOCKET, WEBRTC], []),
        (None, {"udp": False}, {**RELAYED, "offered": (WEBRTC,)}, [WEBRTC], []),
        (WEBRTC, {"udp": False}, RELAYED, [WEBRTC], []),
        (None, {"microphone": False}, {}, [WEBSOCKET, WEBRTC], []),
        (WEBRTC, {"microphone": False}, {}, [WEBRTC], []),
        (None, {"kind": ClientKind.BROWSER}, {}, [WEBRTC, WEBSOCKET], []),
        (None, {"kind": ClientKind.DEVICE}, {}, [WEBRTC, WEBSOCKET], []),
        (None, {"kind": ClientKind.PHONE}, {}, [WEBSOCKET], [WEBRTC]),
        (None, {}, {"load": BUSY - 0.01}, [WEBRTC, WEBSOCKET], []),
        (None, {}, {"load": BUSY}, [WEBSOCKET, WEBRTC], []),
        (WEBRTC, {}, {"load": 1.0}, [WEBRTC], []),
    ],
)
def test_the_plan_follows_from_both_sides(
    wanted: TransportKind | None,
    client: dict[str, Any],
    server: dict[str, Any],
    planned: list[TransportKind],
    left_out: list[TransportKind],
) -> None:
    plan = planned_for(wanted, client, server)
    assert [step.kind for step in plan.steps] == planned
    assert [step.kind for step in plan.left_out] == left_out
    reasons = [step.reason for step in (*plan.steps, *plan.left_out)]
    assert all(reasons)
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize(
    ("wanted", "client", "server", "words"),
    [
        (WEBRTC, {}, {"offered": (WEBSOCKET,)}, r"'webrtc'.*offered: websocket"),
        (WEBRTC, {"transports": frozenset({WEBSOCKET})}, {}, "the client says"),
        (WEBRTC, {"kind": ClientKind.PHONE}, {}, "phone providers"),
        (WEBRTC, {}, LONELY, r"no address.*TURN"),
        (WEBRTC, {"udp": False}, {}, r"UDP.*transport=tcp"),
        (None, {"transports": frozenset()}, {}, r"WebRTC: .*WebSocket: "),
        (None, {"udp": False}, {"offered": (WEBRTC,)}, r"UDP.*transport=tcp"),
        (None, {"kind": ClientKind.PHONE}, {"offered": (WEBRTC,)}, "phone providers"),
    ],
)
def test_a_refusal_says_why(
    wanted: TransportKind | None, client: dict[str, Any], server: dict[str, Any], words: str
) -> None:
    with pytest.raises(TransportUnavailableError, match=words):
        planned_for(wanted, client, server)
