import pytest

from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.errors import VariablesInvalidError
from voice_agent.core.variables import complete, fill

AGENT = AGENT_ADAPTER.validate_python(
    {
        "id": "x",
        "name": "X",
        "greeting": "Hello {customer}, your plan is {plan}.",
        "instructions": 'Answer as {"json": {customer}} and {unknown}.',
        "variables": [{"name": "customer"}, {"name": "plan", "default": "basic"}],
    }
)


def test_values_fill_the_placeholders_and_nothing_else() -> None:
    values = complete(AGENT, {"customer": "Ada {plan}"})
    filled = fill(AGENT, values)
    assert filled.greeting == "Hello Ada {plan}, your plan is basic."
    assert filled.instructions == 'Answer as {"json": Ada {plan}} and {unknown}.'


def test_an_agent_without_variables_stays_as_it_is() -> None:
    plain = Agent(id="x", name="X", greeting="Use {braces}.")
    assert fill(plain, complete(plain, {})) is plain


@pytest.mark.parametrize(
    ("given", "named"), [({}, "customer"), ({"customer": "A", "colour": "red"}, "colour")]
)
def test_what_is_missing_or_unknown_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(VariablesInvalidError, match=named):
        complete(AGENT, given)


def test_two_variables_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        AGENT_ADAPTER.validate_python(
            {"id": "x", "name": "X", "greeting": "Hi", "variables": [{"name": "a"}, {"name": "a"}]}
        )
