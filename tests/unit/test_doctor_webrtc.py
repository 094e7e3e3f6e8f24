"""What the doctor finds on the way of WebRTC's audio."""

import pytest

from tests.programs import free_port
from tests.turn_servers import SECRET, TurnProcess
from tests.unit.transports.webrtc.test_udp_ports import free_range
from voice_agent.config import Settings
from voice_agent.doctor_check import Status
from voice_agent.doctor_webrtc import check_turn, check_udp_ports, check_webrtc
from voice_agent.transports.webrtc.udp_ports import bind_udp

OWN = ["192.0.2.2", "fd00::2"]
TURN = [{"urls": "turn:turn.example.com", "username": "u", "credential": "p"}]


def settings(**chosen: object) -> Settings:
    return Settings.model_validate(chosen)


def test_webrtc_wants_an_address_or_a_relay() -> None:
    assert "192.0.2.2" in check_webrtc(settings(), OWN).detail
    assert check_webrtc(settings(ice_servers=TURN), []).status is Status.OK
    assert check_webrtc(settings(), []).status is Status.WARNING
    assert check_webrtc(settings(transports=["webrtc"]), []).status is Status.FAILED


def test_what_clients_are_told_is_shown() -> None:
    announced = check_webrtc(settings(announced_address="203.0.113.5"), OWN)
    assert announced.detail == "candidates from 203.0.113.5, fd00::2"
    relayed = check_webrtc(settings(ice_servers=TURN, ice_transport_policy="relay"), OWN)
    assert relayed.detail == "relayed only, by turn:turn.example.com:3478?transport=udp"


def test_a_range_has_a_port_for_each_call() -> None:
    ports = free_range(3)
    assert list(check_udp_ports(settings(), OWN)) == []
    (enough,) = check_udp_ports(settings(udp_ports=str(ports), max_sessions=3), ["127.0.0.1"])
    assert (enough.status, enough.detail) == (Status.OK, str(ports))
    (narrow,) = check_udp_ports(settings(udp_ports=str(ports), max_sessions=4), ["127.0.0.1"])
    assert narrow.status is Status.WARNING
    assert narrow.detail == f"{ports}: 3, for up to 4 calls with one each"
    one = free_range(1)
    with bind_udp("127.0.0.1", one):
        (taken,) = check_udp_ports(settings(udp_ports=str(one), max_sessions=1), ["127.0.0.1"])
    assert taken.status is Status.FAILED
    assert "are in use" in taken.detail


async def test_without_turn_servers_there_is_nothing_to_check() -> None:
    assert list(await check_turn(settings())) == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_turn_server_works_or_refuses(turn_server: TurnProcess, transport: str) -> None:
    url = turn_server.url(transport)
    (works,) = await check_turn(settings(turn_urls=[url], turn_secret=SECRET))
    assert works.status is Status.OK
    assert works.detail.startswith(f"{url} works: it relayed at 127.0.0.1 port ")
    (wrong,) = await check_turn(settings(turn_urls=[url], turn_secret="very-secret"))
    assert (wrong.status, wrong.detail) == (
        Status.WARNING,
        f"{url} refuses the credentials (401)",
    )
    assert "VOICE_AGENT_TURN_SECRET" in wrong.mend
    assert "clocks" in wrong.mend
    assert "very-secret" not in repr(wrong)


async def test_a_turn_server_that_is_away_fails_only_where_nothing_else_is(
    turn_server: TurnProcess,
) -> None:
    away = f"turn:127.0.0.1:{free_port()}?transport=tcp"
    chosen = {"turn_urls": [away], "turn_secret": SECRET}
    (beside,) = await check_turn(settings(**chosen))
    assert (beside.status, beside.detail) == (
        Status.WARNING,
        f"{away} is down: nothing listens there",
    )
    (alone,) = await check_turn(settings(**chosen, ice_transport_policy="relay"))
    assert alone.status is Status.FAILED
    both = {**chosen, "turn_urls": [away, turn_server.url()]}
    found = await check_turn(settings(**both, ice_transport_policy="relay"))
    assert [each.status for each in found] == [Status.WARNING, Status.OK]
