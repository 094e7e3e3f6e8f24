import pytest

from voice_agent.api.errors import HostRefusedError, OriginRefusedError
from voice_agent.api.knock import KnockRules

LOOPBACK = KnockRules(bound_host="127.0.0.1")
ALL_INTERFACES = KnockRules(bound_host="0.0.0.0")
PUBLIC = KnockRules(
    bound_host="10.0.0.5",
    public_url="https://Voice.example.com/agents",
    allowed_hosts=["voice.internal"],
    allowed_origins=["https://shop.example.com", "http://localhost:5173"],
)


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        (LOOPBACK, "localhost"),
        (LOOPBACK, "localhost:7860"),
        (LOOPBACK, "LOCALHOST:7860"),
        (LOOPBACK, "localhost."),
        (LOOPBACK, "console.localhost:7860"),
        (LOOPBACK, "127.0.0.1:7860"),
        (LOOPBACK, "127.8.9.1"),
        (LOOPBACK, "[::1]:7860"),
        (ALL_INTERFACES, "192.168.1.20:7860"),
        (KnockRules(bound_host="::"), "[fd00::1]:7860"),
        (PUBLIC, "10.0.0.5:7860"),
        (PUBLIC, "voice.example.com"),
        (PUBLIC, "voice.internal:80"),
        (PUBLIC, "localhost:7860"),
    ],
)
def test_a_host_that_is_ours_is_answered(rules: KnockRules, host: str) -> None:
    rules.check(host, None)


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        (LOOPBACK, "attacker.example:7860"),
        (LOOPBACK, "localhost.attacker.example"),
        (LOOPBACK, "notlocalhost"),
        (LOOPBACK, "192.168.1.20"),
        (LOOPBACK, "127.0.0.1.nip.io"),
        (ALL_INTERFACES, "attacker.example"),
        (PUBLIC, "shop.example.com"),
        (PUBLIC, "10.0.0.6"),
    ],
)
def test_another_host_is_refused_and_the_setting_named(rules: KnockRules, host: str) -> None:
    with pytest.raises(HostRefusedError, match="VOICE_AGENT_ALLOWED_HOSTS"):
        rules.check(host, None)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        ":7860",
        "user@localhost",
        "localhost/path",
        "localhost:port",
        "localhost:99999",
        "[::1",
        "x; script-src *;.localhost",
        "a b.localhost",
        "localhost?",
        "localhost#",
    ],
)
def test_a_host_that_cannot_be_read_is_refused(host: str | None) -> None:
    with pytest.raises(HostRefusedError):
        LOOPBACK.check(host, None)


@pytest.mark.parametrize(
    ("rules", "host", "origin"),
    [
        (LOOPBACK, "localhost:7860", "http://localhost:7860"),
        (LOOPBACK, "localhost:7860", "https://LOCALHOST:7860"),
        (LOOPBACK, "localhost", "http://localhost"),
        (LOOPBACK, "localhost", "https://localhost"),
        (LOOPBACK, "localhost:443", "https://localhost"),
        (LOOPBACK, "[::1]:7860", "http://[::1]:7860"),
        (PUBLIC, "10.0.0.5:7860", "https://voice.example.com"),
        (PUBLIC, "voice.example.com", "https://shop.example.com"),
        (PUBLIC, "voice.example.com", "http://localhost:5173"),
    ],
)
def test_pages_of_our_own_and_of_allowed_sites_are_welcome(
    rules: KnockRules, host: str, origin: str
) -> None:
    rules.check(host, origin)


@pytest.mark.parametrize(
    ("rules", "host", "origin"),
    [
        (LOOPBACK, "localhost:7860", "https://attacker.example"),
        (LOOPBACK, "localhost:7860", "http://localhost:5173"),
        (LOOPBACK, "localhost:7860", "http://127.0.0.1:7860"),
        (LOOPBACK, "localhost:7860", "null"),
        (LOOPBACK, "localhost:7860", ""),
        (LOOPBACK, "localhost:7860", "chrome-extension://localhost:7860"),
        (LOOPBACK, "localhost:7860", "http://localhost:7860/path"),
        (PUBLIC, "voice.example.com", "http://shop.example.com"),
        (PUBLIC, "voice.example.com", "https://shop.example.com.attacker.example"),
        (PUBLIC, "voice.example.com", "https://shop.example.com:8443"),
    ],
)
def test_pages_of_other_sites_are_refused_and_the_setting_named(
    rules: KnockRules, host: str, origin: str
) -> None:
    with pytest.raises(OriginRefusedError, match="VOICE_AGENT_ALLOWED_ORIGINS"):
        rules.check(host, origin)


def test_an_endless_origin_is_not_repeated_in_full() -> None:
    with pytest.raises(OriginRefusedError) as caught:
        LOOPBACK.check("localhost", "https://" + "a" * 10_000)
    assert len(str(caught.value)) < 300


def test_the_origins_to_answer_with_cors_are_the_allowed_and_the_public_one() -> None:
    assert PUBLIC.origins == {
        "https://voice.example.com",
        "https://shop.example.com",
        "http://localhost:5173",
    }
    assert not LOOPBACK.origins
