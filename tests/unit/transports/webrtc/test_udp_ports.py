import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from voice_agent.core.errors import MediaRouteError
from voice_agent.transports.webrtc import udp_ports
from voice_agent.transports.webrtc.udp_ports import PortRange, bind_udp, parse_port_range

HOST = "127.0.0.1"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def free_range(size: int) -> PortRange:
    """Return ports next to each other that nobody has."""
    for first in range(20_000, 32_000, size):
        with ExitStack() as held:
            try:
                for port in range(first, first + size):
                    held.enter_context(bind_udp(HOST, PortRange(port, port)))
            except MediaRouteError:
                continue
        return PortRange(first, first + size - 1)
    raise AssertionError("no free ports")


def port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("40000-40100", PortRange(40000, 40100)),
        (" 1 - 65535 ", PortRange(1, 65535)),
        ("5000-5000", PortRange(5000, 5000)),
    ],
)
def test_a_range_is_read_and_can_be_typed_again(text: str, ports: PortRange) -> None:
    assert parse_port_range(text) == ports
    assert parse_port_range(str(ports)) == ports


@pytest.mark.parametrize("text", ["", "40000", "2-1", "0-5", "1-65536", "a-b", "1-2-3", "-5"])
def test_what_is_no_range_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="is not a range of ports such as 40000-40100"):
        parse_port_range(text)


def test_each_port_of_a_range_is_given_once_and_then_none(stack: ExitStack) -> None:
    ports = free_range(5)
    held = [stack.enter_context(bind_udp(HOST, ports)) for _ in range(5)]
    assert sorted(map(port_of, held)) == list(range(ports.first, ports.last + 1))
    with pytest.raises(MediaRouteError, match=f"all 5 UDP ports of VOICE_AGENT_UDP_PORTS={ports}"):
        bind_udp(HOST, ports)
    free = port_of(held[2])
    held[2].close()
    assert port_of(stack.enter_context(bind_udp(HOST, ports))) == free


def test_without_a_range_any_port_is_given(stack: ExitStack) -> None:
    first, second = (stack.enter_context(bind_udp(HOST, None)) for _ in range(2))
    assert port_of(first) != port_of(second)


def test_an_address_of_another_machine_is_no_lack_of_ports() -> None:
    with pytest.raises(OSError, match="assign"):
        bind_udp("198.51.100.1", PortRange(40_000, 40_001))


def test_ports_that_this_user_may_not_use_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str, port: int) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(udp_ports, "_bound", refuse)
    with pytest.raises(MediaRouteError, match="may not use the UDP ports of VOICE_AGENT_UDP_PORTS"):
        bind_udp(HOST, PortRange(80, 90))
