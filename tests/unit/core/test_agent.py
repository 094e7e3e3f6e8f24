from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from pydantic import ValidationError

from voice_agent.core.agent import AGENT_ADAPTER, Agent

SMALLEST = {"id": "frontdesk", "name": "Front desk", "greeting": "Hello."}


def agent(**changes: Any) -> Agent:
    return AGENT_ADAPTER.validate_python({**SMALLEST, **changes})


def faults(**changes: Any) -> Mapping[str, str]:
    """Return what is wrong with an agent after `changes`: the field, dotted, and the kind."""
    with pytest.raises(ValidationError) as caught:
        agent(**changes)
    return {
        ".".join(str(part) for part in error["loc"]): error["type"]
        for error in caught.value.errors()
    }


def test_all_but_id_name_and_something_to_say_is_optional() -> None:
    small = agent()
    assert (small.language, small.knowledge, small.instructions) == ("en-US", (), None)
    assert (small.turn.start_s, small.turn.stop_s, small.turn.confidence) == (0.2, 0.2, 0.7)
    assert (small.turn.interruptible, small.turn.max_wait_s) == (True, 3.0)
    assert (small.client.text, small.client.function_results, small.client.dtmf) == (
        True,
        False,
        True,
    )
    assert (small.limits.max_duration_s, small.limits.idle_timeout_s) == (1800, 300)


@pytest.mark.parametrize("said", [{"greeting": "Hi"}, {"instructions": "Help."}])
def test_a_greeting_or_instructions_are_enough(said: dict[str, str]) -> None:
    assert AGENT_ADAPTER.validate_python({"id": "a", "name": "A", **said}).id == "a"


def test_without_greeting_and_instructions_it_has_nothing_to_say() -> None:
    with pytest.raises(ValidationError, match="give it a 'greeting', 'instructions' or both"):
        AGENT_ADAPTER.validate_python({"id": "a", "name": "A"})


@pytest.mark.parametrize("agent_id", ["", "Front", "front desk", "-front", "../etc", "a" * 65, "ä"])
def test_an_id_is_safe_in_addresses_and_file_names(agent_id: str) -> None:
    assert faults(id=agent_id) == {"id": "string_pattern_mismatch"}


@pytest.mark.parametrize("agent_id", ["a", "0", "front-desk_2", "a" * 64])
def test_ids_that_are_fine(agent_id: str) -> None:
    assert agent(id=agent_id).id == agent_id


@pytest.mark.parametrize("language", ["english", "en_US", "EN", "en-us", ""])
def test_a_language_is_a_tag(language: str) -> None:
    assert faults(language=language) == {"language": "string_pattern_mismatch"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_s", 0),
        ("stop_s", 6),
        ("confidence", 1.5),
        ("max_wait_s", 0),
        ("max_wait_s", float("nan")),
    ],
)
def test_turn_settings_have_bounds(field: str, value: float) -> None:
    assert list(faults(turn={field: value})) == [f"turn.{field}"]


@pytest.mark.parametrize("value", [0, -1, 86_401])
def test_limits_have_bounds(value: float) -> None:
    wrong = faults(limits={"max_duration_s": value, "idle_timeout_s": value})
    assert set(wrong) == {"limits.max_duration_s", "limits.idle_timeout_s"}


def test_unknown_fields_are_refused_at_every_level() -> None:
    wrong = faults(
        greting="Hi",
        turn={"stop": 1},
        client={"files": True},
        limits={"max": 1},
        knowledge=[{"questions": ["Open?"], "answer": "Yes.", "tags": []}],
    )
    assert set(wrong) == {
        "greting",
        "turn.stop",
        "client.files",
        "limits.max",
        "knowledge.0.tags",
    }


def test_a_knowledge_entry_needs_a_question_and_an_answer() -> None:
    wrong = faults(knowledge=[{"questions": [], "answer": "Yes."}, {"questions": [" "]}])
    assert {"knowledge.0.questions", "knowledge.1.questions.0", "knowledge.1.answer"} <= set(wrong)


def test_texts_are_stripped() -> None:
    stripped = agent(name="  Front desk ", greeting="Hello.\n")
    assert (stripped.name, stripped.greeting) == ("Front desk", "Hello.")


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        agent().name = "Other"  # type: ignore[misc]


def test_the_version_follows_the_content() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"greeting": "Hi."},
        {"turn": {"stop_s": 0.3}},
        {"client": {"text": False}},
        {"limits": {"idle_timeout_s": 60}},
        {"knowledge": [{"questions": ["Open?"], "answer": "Yes."}]},
    ]
    versions = [agent(**change).version for change in changes]
    assert len(set(versions)) == len(changes)
    assert versions == [agent(**change).version for change in changes]
    assert all(len(version) == 12 and int(version, 16) >= 0 for version in versions)
