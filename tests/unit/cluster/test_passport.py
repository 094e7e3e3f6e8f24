"""A passport is for one request to one process, and nobody without the secret makes one."""

import pytest

from voice_agent.cluster.passport import VALID_S, Passports
from voice_agent.cluster.session_token import session_in
from voice_agent.core.errors import ForwardingRefusedError

TARGET = "/v1/sessions/p1-a.x/offer?a=b"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_lets_in_what_was_forwarded_and_says_where_to() -> None:
    passports = Passports("k" * 32, Clock())
    passport = passports.issue("p1-a", "POST", TARGET)
    passports.check(passport, "POST", TARGET)
    assert session_in(passport) == "p1-a"


@pytest.mark.parametrize(
    ("method", "target"), [("PATCH", TARGET), ("POST", "/v1/sessions/p1-a.y/offer?a=b")]
)
def test_it_is_for_one_request(method: str, target: str) -> None:
    passports = Passports("k" * 32, Clock())
    with pytest.raises(ForwardingRefusedError):
        passports.check(passports.issue("p1-a", "POST", TARGET), method, target)


@pytest.mark.parametrize("off_by_s", [-VALID_S - 1, VALID_S + 1])
def test_an_old_one_or_one_of_the_future_is_refused(off_by_s: float) -> None:
    clock = Clock()
    passports = Passports("k" * 32, clock)
    passport = passports.issue("p1-a", "POST", TARGET)
    clock.now += off_by_s
    with pytest.raises(ForwardingRefusedError, match="clocks"):
        passports.check(passport, "POST", TARGET)


@pytest.mark.parametrize("forged", ["", "x", "WyJwMS1hIiwxMDAwXQ.x", "é"])
def test_a_forged_one_is_refused(forged: str) -> None:
    with pytest.raises(ForwardingRefusedError, match="SECRET_KEY"):
        Passports("k" * 32, Clock()).check(forged, "POST", TARGET)
    other = Passports("o" * 32, Clock()).issue("p1-a", "POST", TARGET)
    with pytest.raises(ForwardingRefusedError):
        Passports("k" * 32, Clock()).check(other, "POST", TARGET)
