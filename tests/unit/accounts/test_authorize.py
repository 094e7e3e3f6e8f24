"""Every kind of principal with every action: the table is written here once more, by hand."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.accounts.authorize import Action, Resource, authorize, grants
from voice_agent.accounts.principal import Principal, PrincipalKind, Role
from voice_agent.core.account_errors import (
    AccessRefusedError,
    ForbiddenError,
    WorkspaceNotFoundError,
)
from voice_agent.core.errors import (
    AgentNotFoundError,
    SessionNotFoundError,
    TokenInvalidError,
    VoiceAgentError,
)

HOME = "home"
ALL = set(Action)
OPEN = Principal(PrincipalKind.OPEN, HOME, "open")
ADMINISTRATOR = Principal(PrincipalKind.USER, HOME, "u1", role=Role.ADMINISTRATOR)
MEMBER = Principal(PrincipalKind.USER, HOME, "u2", role=Role.MEMBER)
SECRET_KEY = Principal(
    PrincipalKind.SECRET_KEY, HOME, "k1", scopes=frozenset({"agents:read", "sessions:create"})
)
PUBLISHABLE_KEY = Principal(PrincipalKind.PUBLISHABLE_KEY, HOME, "k2", origins=frozenset({"o"}))
SESSION = Principal(PrincipalKind.SESSION, HOME, "s1", session_id="s1")

MAY: list[tuple[Principal, set[Action]]] = [
    (OPEN, ALL),
    (ADMINISTRATOR, ALL),
    (MEMBER, ALL - {Action.USERS_WRITE, Action.KEYS_WRITE}),
    (SECRET_KEY, {Action.AGENTS_READ, Action.SESSIONS_CREATE}),
    (PUBLISHABLE_KEY, {Action.SESSIONS_CREATE}),
    (SESSION, {Action.SESSIONS_READ, Action.SESSIONS_WRITE}),
]
CASES = [(principal, action, action in may) for principal, may in MAY for action in Action]


def refusal(
    principal: Principal | None, action: Action, resource: Resource
) -> VoiceAgentError | None:
    try:
        authorize(principal, action, resource)
    except VoiceAgentError as error:
        return error
    return None


def test_no_kind_of_principal_is_left_out() -> None:
    assert {principal.kind for principal, _ in MAY} == set(PrincipalKind)
    assert {principal.role for principal, _ in MAY} == {None, *Role}


@pytest.mark.parametrize(
    ("principal", "action", "allowed"), CASES, ids=lambda case: getattr(case, "kind", str(case))
)
def test_each_kind_may_do_what_it_is_for(
    principal: Principal, action: Action, allowed: bool
) -> None:
    error = refusal(principal, action, Resource(HOME, session_id="s1"))
    if allowed:
        assert error is None
    else:
        assert isinstance(error, ForbiddenError)
        assert action in str(error)
    assert (action in grants(principal)) is allowed


@pytest.mark.parametrize("action", Action)
def test_who_shows_nothing_has_to_show_something(action: Action) -> None:
    assert isinstance(refusal(None, action, Resource(HOME)), AccessRefusedError)


@pytest.mark.parametrize(("principal", "action"), [case[:2] for case in CASES])
def test_what_is_anothers_does_not_exist(principal: Principal, action: Action) -> None:
    for resource, kind in (
        (Resource("away"), WorkspaceNotFoundError),
        (Resource("away", agent_id="a"), AgentNotFoundError),
        (Resource("away", session_id="s1"), SessionNotFoundError),
    ):
        assert type(refusal(principal, action, resource)) is kind


@pytest.mark.parametrize("action", [Action.SESSIONS_READ, Action.SESSIONS_WRITE])
@pytest.mark.parametrize("session_id", [None, "s2", ""])
def test_a_sessions_token_is_for_its_own_session(action: Action, session_id: str | None) -> None:
    resource = Resource(HOME, session_id=session_id)
    assert isinstance(refusal(SESSION, action, resource), TokenInvalidError)


@pytest.mark.parametrize("principal", [SECRET_KEY, PUBLISHABLE_KEY])
def test_a_key_may_be_for_some_agents(principal: Principal) -> None:
    bound = replace(principal, agents=frozenset({"sales", "support"}))
    assert refusal(bound, Action.SESSIONS_CREATE, Resource(HOME, agent_id="sales")) is None
    error = refusal(bound, Action.SESSIONS_CREATE, Resource(HOME, agent_id="frontdesk"))
    assert isinstance(error, ForbiddenError)
    assert "sales, support" in str(error)


@given(st.sets(st.sampled_from(Action)), st.sampled_from(Action))
def test_a_secret_key_may_do_exactly_its_scopes(scopes: set[Action], action: Action) -> None:
    key = replace(SECRET_KEY, scopes=frozenset(scope.value for scope in scopes))
    assert (refusal(key, action, Resource(HOME)) is None) is (action in scopes)


@given(st.sets(st.text()), st.sampled_from(PrincipalKind), st.sampled_from(Action))
def test_scopes_count_for_secret_keys_only(
    scopes: set[str], kind: PrincipalKind, action: Action
) -> None:
    """A role that is missing, or scopes where there should be none, open nothing."""
    resource = Resource(HOME, session_id="s1")
    plain = Principal(kind, HOME, "s1", session_id="s1")
    scoped = replace(plain, scopes=frozenset(scopes | set(Action)))
    if kind is not PrincipalKind.SECRET_KEY:
        assert type(refusal(scoped, action, resource)) is type(refusal(plain, action, resource))
    if kind in (PrincipalKind.USER, PrincipalKind.SECRET_KEY):
        assert isinstance(refusal(plain, action, resource), ForbiddenError)
