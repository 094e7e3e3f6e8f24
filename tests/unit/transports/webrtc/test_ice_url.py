import pytest

from voice_agent.transports.webrtc.ice_url import IceUrl, parse_ice_url


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("stun:stun.example.com", IceUrl("stun.example.com", 3478, is_turn=False)),
        ("stun:a:1", IceUrl("a", 1, is_turn=False)),
        ("stuns:a", IceUrl("a", 5349, is_turn=False, over_tcp=True, over_tls=True)),
        ("turn:192.0.2.1:65535", IceUrl("192.0.2.1", 65535, is_turn=True)),
        ("turn:a?transport=udp", IceUrl("a", 3478, is_turn=True)),
        ("turn:a?transport=tcp", IceUrl("a", 3478, is_turn=True, over_tcp=True)),
        ("turns:a", IceUrl("a", 5349, is_turn=True, over_tcp=True, over_tls=True)),
        (
            "turns:a:443?transport=tcp",
            IceUrl("a", 443, is_turn=True, over_tcp=True, over_tls=True),
        ),
        ("turn:[2001:DB8::1]:80", IceUrl("2001:db8::1", 80, is_turn=True)),
    ],
)
def test_an_address_is_understood(url: str, parsed: IceUrl) -> None:
    assert parse_ice_url(url) == parsed


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://a", "is not an address such as stun:"),
        ("turn:", "is not an address"),
        ("turn://a", "is not an address"),
        ("turn:a:0", "is not an address"),
        ("turn:a:65536", "is not an address"),
        ("turn:a?transport=sctp", "is not an address"),
        ("turn:a b", "is not an address"),
        ("turn:[1::2::3]", "is not an address"),
        ("stun:a?transport=udp", "only turn: and turns: take"),
        ("turns:a?transport=udp", "goes by TCP"),
    ],
)
def test_what_is_none_is_explained(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match="'") as raised:
        parse_ice_url(url)
    assert fault in str(raised.value)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"'turn:\*\*\*' is not an address") as raised:
        parse_ice_url("turn:user:very-secret@turn.example.com")
    assert "very-secret" not in str(raised.value)
