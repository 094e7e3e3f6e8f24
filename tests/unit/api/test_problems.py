from collections.abc import Iterator

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import voice_agent.api.errors  # noqa: F401 - its classes are looked for below
from voice_agent.api.problems import (
    STATUS_OF_CODE,
    TITLE_OF_CODE,
    problem_of,
    problem_of_code,
    problem_response,
)
from voice_agent.core.errors import (
    AgentNotFoundError,
    AtCapacityError,
    SettingsError,
    TokenInvalidError,
    VoiceAgentError,
)


def _kinds(kind: type[VoiceAgentError]) -> Iterator[type[VoiceAgentError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


WIRE_KINDS = sorted(
    {
        kind
        for kind in _kinds(VoiceAgentError)
        if kind.__module__ in ("voice_agent.core.errors", "voice_agent.api.errors")
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", WIRE_KINDS)
def test_every_error_has_a_status(kind: type[VoiceAgentError]) -> None:
    assert kind.code in STATUS_OF_CODE


@pytest.mark.parametrize("code", STATUS_OF_CODE)
def test_every_code_has_a_title(code: str) -> None:
    problem = problem_of_code(code, "what went wrong")
    assert problem.title
    assert problem.type == f"urn:voice-agent:problem:{problem.code}"
    assert problem.status == STATUS_OF_CODE[code]
    assert TITLE_OF_CODE.keys() <= STATUS_OF_CODE.keys()


def test_an_error_that_is_the_callers_is_explained() -> None:
    problem = problem_of(TokenInvalidError("this session token is expired"))
    assert (problem.status, problem.code) == (401, "token_invalid")
    assert problem.detail == "this session token is expired"


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("VOICE_AGENT_SECRET_KEY is 'hunter2'"),
        RuntimeError("hunter2"),
        HTTPException(418, "hunter2"),
        HTTPException(599, "hunter2"),
    ],
)
def test_an_error_that_is_ours_shows_nothing_of_the_inside(error: Exception) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (500, "internal")
    assert "hunter2" not in problem.model_dump_json()


def test_an_unknown_agent_does_not_tell_where_agents_are_kept() -> None:
    problem = problem_of(AgentNotFoundError("There is no agent 'x' in '/srv/agents'"))
    assert problem.status == 404
    assert "/srv" not in problem.detail
    assert "/v1/agents" in problem.detail


def test_an_invalid_field_is_named_without_its_value() -> None:
    error = RequestValidationError(
        [
            {
                "type": "extra_forbidden",
                "loc": ("body", "client", "udpp"),
                "msg": "Extra inputs are not permitted",
                "input": "hunter2",
            },
            {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None},
        ]
    )
    problem = problem_of(error)
    assert problem.status == 422
    assert problem.errors is not None
    assert [each.field for each in problem.errors] == ["client.udpp", "body"]
    assert problem.detail == "client.udpp: there is no such field; body: field required"
    assert "hunter2" not in problem.model_dump_json()


def test_a_refusal_for_want_of_room_says_when_to_come_again() -> None:
    response = problem_response(problem_of(AtCapacityError("full")))
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.headers["content-type"] == "application/problem+json"


def test_a_missing_credential_is_asked_for() -> None:
    response = problem_response(problem_of(TokenInvalidError("wrong")))
    assert response.headers["www-authenticate"] == "Bearer"
