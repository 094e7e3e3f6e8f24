"""Where the server listens, and what people are told to open."""

import socket

import pytest

from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError
from voice_agent.listening import addresses_to_open, host_addresses, listen, microphone_needs_tls


def settings(**chosen: object) -> Settings:
    return Settings.model_validate({"allow_unauthenticated": True, **chosen})


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


LOOPBACK = ["127.0.0.1", "localhost", *(["::1"] if has_ipv6() else [])]


@pytest.mark.parametrize("host", LOOPBACK)
def test_any_free_port_is_found_and_takes_connections(host: str) -> None:
    with listen(host, 0) as listener:
        socket.create_connection(listener.getsockname()[:2], timeout=5).close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_the_ipv6_wildcard_takes_ipv4_too() -> None:
    with listen("::", 0) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^VOICE_AGENT_PORT: port {port} is in use; stop"):
            listen("127.0.0.1", port)
        with pytest.raises(SettingsError, match=r"^VOICE_AGENT_DEVICE_PORT: port"):
            listen("127.0.0.1", port, setting="VOICE_AGENT_DEVICE_PORT")


@pytest.mark.parametrize("host", ["203.0.113.9", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match=f"^VOICE_AGENT_HOST: '{host}' is not an address"):
        listen(host, 0)


def test_own_addresses_are_without_loopback() -> None:
    assert not {"127.0.0.1", "::1"} & set(host_addresses())


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["http://localhost:1"]),
        ({"tls": "self-signed"}, ["https://localhost:1"]),
        ({"host": "192.0.2.7"}, ["http://192.0.2.7:1"]),
        ({"host": "2001:db8::7"}, ["http://[2001:db8::7]:1"]),
        ({"host": "0.0.0.0"}, ["http://localhost:1", "http://192.0.2.2:1"]),
        ({"host": "::"}, ["http://localhost:1", "http://192.0.2.2:1", "http://[2001:db8::2]:1"]),
        ({"public_url": "https://voice.example.com/"}, ["https://voice.example.com"]),
    ],
)
def test_the_addresses_to_open(chosen: dict[str, object], expected: list[str]) -> None:
    found = addresses_to_open(settings(**chosen), 1, ["192.0.2.2", "2001:db8::2"])
    assert list(found) == expected


@pytest.mark.parametrize(
    ("chosen", "needed"),
    [
        ({}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "tls": "self-signed"}, False),
        ({"public_url": "http://voice.example.com"}, True),
        ({"host": "0.0.0.0", "public_url": "https://voice.example.com"}, False),
    ],
)
def test_when_browsers_will_refuse_their_microphone(
    chosen: dict[str, object], needed: bool
) -> None:
    assert microphone_needs_tls(settings(**chosen)) is needed
