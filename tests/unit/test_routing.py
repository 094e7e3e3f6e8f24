import pytest

from voice_agent.config import Settings
from voice_agent.routing import ice_servers_of
from voice_agent.transports.webrtc.ice_servers import IceServer, IceServers, SharedTurn
from voice_agent.transports.webrtc.udp_ports import PortRange

FIXED = [
    {"urls": "stun:stun.example.com"},
    {"urls": ["turn:a", "turns:a"], "username": "u", "credential": "p"},
]
SHARED = {"turn_urls": "turn:b,turns:b", "turn_secret": "s"}


def wall() -> float:
    return 5.0


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, IceServers(wall)),
        (
            {"ice_servers": FIXED},
            IceServers(
                wall,
                (
                    IceServer(("stun:stun.example.com",)),
                    IceServer(("turn:a", "turns:a"), "u", "p"),
                ),
            ),
        ),
        (SHARED, IceServers(wall, shared=SharedTurn(("turn:b", "turns:b"), "s"))),
        (
            {**SHARED, "turn_ttl": 900, "ice_transport_policy": "relay"},
            IceServers(wall, shared=SharedTurn(("turn:b", "turns:b"), "s", 900), relay_only=True),
        ),
        (
            {"udp_ports": "40000-40100", "announced_address": "203.0.113.5"},
            IceServers(wall, ports=PortRange(40_000, 40_100), announced="203.0.113.5"),
        ),
    ],
)
def test_every_setting_reaches_its_place(chosen: dict[str, object], expected: IceServers) -> None:
    assert ice_servers_of(Settings.model_validate(chosen), wall) == expected
