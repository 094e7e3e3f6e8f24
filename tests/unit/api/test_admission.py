import pytest
from starlette.requests import HTTPConnection

from voice_agent.api.admission import address_of


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.1", 5000), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 5000), "2001:db8:1:2::/64"),
        (("testclient", 5000), "testclient"),
        (None, ""),
    ],
)
def test_an_ipv6_network_counts_as_one_address(
    client: tuple[str, int] | None, expected: str
) -> None:
    request = HTTPConnection({"type": "http", "client": client, "headers": []})
    assert address_of(request) == expected
