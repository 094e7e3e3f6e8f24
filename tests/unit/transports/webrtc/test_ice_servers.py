from typing import Any

import pytest

from voice_agent.transports.webrtc.ice_route import IceRoute
from voice_agent.transports.webrtc.ice_servers import (
    LONGEST_SESSION_S,
    IceServer,
    IceServers,
    SharedTurn,
)
from voice_agent.transports.webrtc.turn_credentials import turn_credentials
from voice_agent.transports.webrtc.udp_ports import PortRange

NOW = 1_700_000_000.0
URLS = ("turn:turn.example.com", "turn:turn.example.com?transport=tcp")
SHARED = SharedTurn(URLS, "very-secret")
STUN = IceServer(("stun:stun.example.com", "stun:other.example.com"))
FIXED = IceServer(("turns:turn.example.net",), "user", "pass")
OWN_ADDRESS = ("192.0.2.7",)


def servers(*fixed: IceServer, **chosen: Any) -> IceServers:
    return IceServers(lambda: NOW, fixed, **chosen)


def test_a_client_gets_credentials_that_last_as_long_as_its_token() -> None:
    stun, turn = servers(STUN, shared=SHARED).for_client("p0.x", NOW + 90)
    expected = turn_credentials("very-secret", "p0.x", NOW + 90)
    assert stun == STUN
    assert turn == IceServer(URLS, expected.username, expected.credential)


def test_a_lifetime_of_its_own_counts_from_now() -> None:
    shared = SharedTurn(URLS, "very-secret", lifetime_s=600)
    (turn,) = servers(shared=shared).for_client("p0.x", NOW + 90)
    assert turn.username == f"{NOW + 600:.0f}:p0.x"


def test_no_two_sessions_have_the_same_credentials() -> None:
    ice = servers(shared=SHARED)
    (one,), (other,) = ice.for_client("p0.x", NOW), ice.for_client("p0.y", NOW)
    assert one.username != other.username
    assert one.credential != other.credential


def test_our_own_peer_has_credentials_of_its_session() -> None:
    route = servers(STUN, FIXED, shared=SHARED).route("p0.x")
    assert route.stun == ("stun.example.com", 3478)
    assert [str(turn) for turn in route.turns] == [
        "turns:turn.example.net:5349?transport=tcp",
        "turn:turn.example.com:3478?transport=udp",
        "turn:turn.example.com:3478?transport=tcp",
    ]
    assert (route.turns[0].username, route.turns[0].credential) == ("user", "pass")
    assert route.turns[1].username == f"{NOW + LONGEST_SESSION_S:.0f}:p0.x"


@pytest.mark.parametrize(
    ("ice", "has_turn", "with_address", "without"),
    [
        (servers(), False, True, False),
        (servers(STUN), False, True, False),
        (servers(FIXED), True, True, True),
        (servers(shared=SHARED), True, True, True),
        (servers(shared=SHARED, relay_only=True), True, True, True),
        (servers(STUN, relay_only=True), False, False, False),
    ],
)
def test_what_there_is_to_offer(
    ice: IceServers, has_turn: bool, with_address: bool, without: bool
) -> None:
    assert ice.has_turn is has_turn
    assert ice.has_route(OWN_ADDRESS) is with_address
    assert ice.has_route(()) is without


def test_the_policy_has_the_words_of_browsers() -> None:
    assert servers().transport_policy == "all"
    assert servers(FIXED, relay_only=True).transport_policy == "relay"


def test_nothing_set_leaves_peers_alone() -> None:
    assert servers().is_plain
    assert servers().route("p0.x") == IceRoute()
    for changed in (
        servers(STUN),
        servers(ports=PortRange(1, 2)),
        servers(announced="203.0.113.5"),
        servers(shared=SHARED),
    ):
        assert not changed.is_plain


@pytest.mark.parametrize(
    ("announced", "address", "shown"),
    [
        (None, "172.17.0.2", "172.17.0.2"),
        ("203.0.113.5", "172.17.0.2", "203.0.113.5"),
        ("203.0.113.5", "fd00::2", "fd00::2"),
        ("2001:db8::5", "fd00::2", "2001:db8::5"),
    ],
)
def test_an_announced_address_stands_for_those_of_its_kind(
    announced: str | None, address: str, shown: str
) -> None:
    assert servers(announced=announced).route("p0.x").shown(address) == shown


def test_secrets_do_not_show() -> None:
    ice = servers(FIXED, shared=SHARED)
    (_, made) = ice.for_client("p0.x", NOW)
    shown = f"{ice!r} {ice.route('p0.x')!r} {made!r} {ice.route('p0.x').turns[0]}"
    assert "very-secret" not in shown
    assert "pass" not in shown
    assert str(made.credential) not in shown
