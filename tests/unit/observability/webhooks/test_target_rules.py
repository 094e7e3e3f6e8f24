import asyncio
import socket

import aiohttp
import pytest

from voice_agent.core.errors import WebhookTargetError
from voice_agent.observability.webhooks.target_rules import (
    AddressInfo,
    CheckedResolver,
    TargetRules,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::"),
        *("64:ff9b:1::1", "fec0::1", "::127.0.0.1", "2001:0:7f00:1::1"),
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
        # What connects reads these as an address, and would ask no resolver.
        *("https://１２７.0.0.1/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/"),
        *("https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/", "https://127.0.0.1./"),
        *("https://0x7f000001/", "https://a.example\\@127.0.0.1/", "https://127.0.0.1%00/"),
    ],
)
def test_what_may_be_no_target_is_refused_with_the_mend(url: str) -> None:
    with pytest.raises(WebhookTargetError):
        TargetRules().check_url(url)


def test_a_target_on_the_internet_is_fine() -> None:
    TargetRules().check_url("https://example.com:8443/hook?x=1")
    TargetRules(allow_private=True).check_url("http://127.0.0.1:8000/")


async def test_no_connection_is_made_to_a_private_address_however_it_was_found() -> None:
    connected = asyncio.Event()
    server = await asyncio.start_server(lambda *_: connected.set(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=TargetRules().open_socket)
        ) as http,
    ):
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(WebhookTargetError, match="not a public address"):
                await http.post(f"http://{host}:{port}/")
    assert not connected.is_set()


async def test_a_refusal_does_not_tell_where_a_name_leads_to() -> None:
    def lookup(*_: object) -> list[AddressInfo]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.20.30.40", 443)),
        ]

    resolver = CheckedResolver(TargetRules(), lookup)
    with pytest.raises(WebhookTargetError, match=r"hook\.example") as refused:
        await resolver.resolve("hook.example", 443)
    assert "10.20" not in str(refused.value)
    await resolver.close()


async def test_a_name_that_points_into_the_private_network_is_not_resolved() -> None:
    with pytest.raises(WebhookTargetError, match="not a public address"):
        await CheckedResolver(TargetRules()).resolve("localhost", 443, socket.AF_INET)
    [found] = await CheckedResolver(TargetRules(allow_private=True)).resolve(
        "localhost", 443, socket.AF_INET
    )
    assert found["host"] == "127.0.0.1"
