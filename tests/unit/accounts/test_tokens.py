import pytest

from tests.unit.accounts.conftest import SECRET, SetClock
from voice_agent.accounts.first_administrator import SetupTokens, setup_link
from voice_agent.accounts.tokens import ACCESS_S, REFRESH_S, TokenClaim, UserTokens
from voice_agent.cluster.session_token import session_in
from voice_agent.core.account_errors import CredentialInvalidError
from voice_agent.core.errors import TokenInvalidError
from voice_agent.sessions.tokens import SessionTokens


def test_a_token_says_whose_it_is_until_it_expires(clock: SetClock) -> None:
    tokens = UserTokens(SECRET, clock.wall)
    access, refresh = tokens.issue_access("u1"), tokens.issue_refresh("u1")
    issued_at = clock.now
    clock.now += ACCESS_S - 1
    assert tokens.read_access(access) == TokenClaim("u1", issued_at)
    clock.now += 1
    with pytest.raises(CredentialInvalidError, match="access token is expired"):
        tokens.read_access(access)
    clock.now += REFRESH_S - ACCESS_S - 1
    assert tokens.read_refresh(refresh).user_id == "u1"
    clock.now += 1
    with pytest.raises(CredentialInvalidError, match="refresh token is expired"):
        tokens.read_refresh(refresh)


def test_no_kind_of_token_passes_for_another(clock: SetClock) -> None:
    tokens = UserTokens(SECRET, clock.wall)
    sessions = SessionTokens(SECRET, clock.wall)
    setup = SetupTokens(SECRET, clock.wall)
    access, refresh = tokens.issue_access("u1"), tokens.issue_refresh("u1")
    session, first = sessions.issue("u1", clock.now + 60), setup.issue()
    for wrong in (refresh, session, first, "vat_" + refresh[4:], "vat_" + session, "", "vat_"):
        with pytest.raises(CredentialInvalidError):
            tokens.read_access(wrong)
    for wrong in (access, "vrt_" + access[4:], session):
        with pytest.raises(CredentialInvalidError):
            tokens.read_refresh(wrong)
    for wrong in (access, access[4:], refresh[4:], first[4:]):
        with pytest.raises(TokenInvalidError):
            sessions.session_id_of(wrong)
    for wrong in (access, access[4:], session, "vst_" + session):
        with pytest.raises(CredentialInvalidError):
            setup.check(wrong)
    setup.check(first)


def test_another_servers_token_is_worth_nothing(clock: SetClock) -> None:
    other = UserTokens("o" * 32, clock.wall).issue_access("u1")
    with pytest.raises(CredentialInvalidError):
        UserTokens(SECRET, clock.wall).read_access(other)


def test_an_access_token_names_no_process(clock: SetClock) -> None:
    assert session_in(UserTokens(SECRET, clock.wall).issue_access("p1.x")) is None


def test_the_setup_token_is_never_sent_by_opening_the_link() -> None:
    assert setup_link("http://localhost:7860/", "t") == "http://localhost:7860/#setup=t"
