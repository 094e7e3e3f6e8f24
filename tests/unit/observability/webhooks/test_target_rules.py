import socket

import pytest

from voice_agent.core.errors import WebhookTargetError
from voice_agent.observability.webhooks.target_rules import CheckedResolver, TargetRules, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::"),
        *("64:ff9b:1::1",),
    ],
)
def test_nothing_goes_to_a_private_address(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(WebhookTargetError, match="not a public address"):
        TargetRules().check_address(address)
    TargetRules(allow_private=True).check_address(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::8.8.8.8"])
def test_the_internet_is_open(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/", "ftp://example.com", "https://", "https:///x", "example.com", ""),
        *("https://user:password@example.com/", "https://user@example.com/", "https://h:99999/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://h:0"),
        *("https://[fe80::1%25eth0]/", "https://exa mple.com/\n", "https://" + "x" * 2000),
    ],
)
def test_what_may_be_no_target_is_refused_with_the_mend(url: str) -> None:
    with pytest.raises(WebhookTargetError):
        TargetRules().check_url(url)


def test_a_target_on_the_internet_is_fine() -> None:
    TargetRules().check_url("https://example.com:8443/hook?x=1")
    TargetRules(allow_private=True).check_url("http://127.0.0.1:8000/")


async def test_a_name_that_points_into_the_private_network_is_not_resolved() -> None:
    with pytest.raises(WebhookTargetError, match="not a public address"):
        await CheckedResolver(TargetRules()).resolve("localhost", 443, socket.AF_INET)
    [found] = await CheckedResolver(TargetRules(allow_private=True)).resolve(
        "localhost", 443, socket.AF_INET
    )
    assert found["host"] == "127.0.0.1"
