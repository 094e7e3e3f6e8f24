import pytest

from tests.unit.accounts.conftest import SetClock
from voice_agent.accounts.site_origin import site_origin
from voice_agent.accounts.token_buckets import TokenBuckets
from voice_agent.core.account_errors import AccountInvalidError


def test_a_bucket_refills_with_time(clock: SetClock) -> None:
    buckets = TokenBuckets(burst=2, per_minute=6, monotonic=clock.monotonic)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 10]
    assert buckets.take("b") == 0
    clock.now += 5
    assert buckets.take("a") == pytest.approx(5)
    clock.now += 5
    assert buckets.take("a") == 0
    clock.now += 1000
    assert [buckets.take("a") == 0 for _ in range(3)] == [True, True, False]
    buckets.fill("a")
    assert buckets.take("a") == 0


def test_names_are_not_kept_without_end(clock: SetClock) -> None:
    buckets = TokenBuckets(burst=1, per_minute=1, monotonic=clock.monotonic, max_names=2)
    buckets.take("a")
    buckets.take("b")
    assert buckets.take("a")
    buckets.take("c")  # "b" was seen longest ago
    assert buckets.take("a")
    assert buckets.take("b") == 0


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://Shop.Example.com/", "https://shop.example.com"),
        ("https://shop.example.com:443", "https://shop.example.com"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_origins_are_as_browsers_write_them(written: str, origin: str) -> None:
    assert site_origin(written) == origin


@pytest.mark.parametrize(
    "written",
    [
        *("", "*", "null", "shop.example.com", "ftp://a.example", "https://*.example.com"),
        *("https://a.example/page", "https://a.example?x", "https://u@a.example", "https://a:x"),
    ],
)
def test_what_is_no_origin_is_refused(written: str) -> None:
    with pytest.raises(AccountInvalidError, match="is not an origin such as"):
        site_origin(written)
