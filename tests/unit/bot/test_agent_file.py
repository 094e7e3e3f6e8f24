"""What a person is told about an agent file, and what a hostile one can do."""

from pathlib import Path

import pytest

from voice_agent.bot.agent_file import (
    MAX_FILE_BYTES,
    AgentFileError,
    AgentProblem,
    parse_agent,
    read_agent_file,
)

FILE = Path("frontdesk.yaml")

WHOLE = b"""\
id: frontdesk
name: Front desk
language: en-US
greeting: Hello, this is the front desk. How can I help?
instructions: |
  You answer for a shop.
knowledge:
  - questions: [When are you open?, What are your opening hours on Saturday?]
    answer: We are open from nine to six, Monday to Saturday.
turn: {start_s: 0.2, stop_s: 0.3, confidence: 0.7, interruptible: true, max_wait_s: 3}
client: {text: true, function_results: false, dtmf: true}
limits: {max_duration_s: 1800, idle_timeout_s: 300}
"""

SMALL = b"id: a\nname: A\ngreeting: Hello\n"


def problems_of(content: bytes) -> list[str]:
    with pytest.raises(AgentFileError) as caught:
        parse_agent(content, FILE)
    assert all(problem.file == FILE for problem in caught.value.problems)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_file_becomes_an_agent() -> None:
    agent = parse_agent(WHOLE, FILE)
    assert (agent.id, agent.turn.stop_s, len(agent.knowledge)) == ("frontdesk", 0.3, 1)
    assert agent.knowledge[0].questions[1] == "What are your opening hours on Saturday?"


def test_id_name_and_greeting_or_instructions_are_enough() -> None:
    assert parse_agent(SMALL, FILE).instructions is None
    assert parse_agent(b"id: a\nname: A\ninstructions: Be kind.\n", FILE).greeting is None
    assert problems_of(b"id: a\nname: A\n") == [
        "frontdesk.yaml:1: give it a 'greeting', 'instructions' or both"
    ]


def test_every_problem_is_listed_with_its_line_and_field() -> None:
    content = WHOLE.replace(b"stop_s: 0.3", b"stop_s: 30").replace(b"answer:", b"anser:")
    assert problems_of(content) == [
        "frontdesk.yaml:8: knowledge.1.answer: is missing; add it",
        "frontdesk.yaml:9: knowledge.1.anser: unknown field; did you mean 'answer'?",
        "frontdesk.yaml:10: turn.stop_s: input should be less than or equal to 5",
    ]


def test_an_unknown_field_that_resembles_none_gets_the_list_of_fields() -> None:
    assert problems_of(SMALL + b"client: {zzzz: true}\n") == [
        "frontdesk.yaml:4: client.zzzz: unknown field; the fields are dtmf, function_results, text"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"name: 12", 'must be text; put it in quotes: "12"'),
        (b"turn: quick", "must be a group of fields: confidence, interruptible, max_wait_s"),
        (b"turn: {stop_s: 99}", "input should be less than or equal to 5"),
        (b"knowledge: [{questions: [], answer: x}]", "at least 1 item"),
        (b"id: Front Desk", "must be lower-case letters"),
        (b"language: English", "must be a language tag, as in"),
        (b"turn: {stop_s: soon}", "turn.stop_s: input should be a valid number"),
        (b"42: what", "frontdesk.yaml:4: 42: unknown field; the fields are client"),
        (b"? [a, b]\n: c", "is not valid YAML"),
        (b"greeting: [", "is not valid YAML"),
        (b"greeting: !!python/object/apply:os.system [true]", "is not valid YAML"),
        (b"instructions: 2026-13-45", "is not valid YAML"),
        (b"greeting: a\ngreeting: b", "greeting: is given twice; keep one"),
        (b"turn: {}\nturn: {}", "turn: is given twice; keep one"),
        (b"name: \xff", "is not UTF-8 text"),
    ],
)
def test_each_fault_is_named(line: bytes, message: str) -> None:
    field = line.split(b":")[0] + b":"
    kept = b"\n".join(known for known in SMALL.splitlines() if not known.startswith(field))
    found = problems_of(kept + b"\n" + line + b"\n")
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"- a\n- b\n", b"just words\n"])
def test_a_file_that_is_no_mapping_is_refused(content: bytes) -> None:
    assert len(problems_of(content)) == 1


def test_a_file_over_the_limit_is_refused() -> None:
    assert "larger than 1024 KiB" in problems_of(SMALL + b"#" * MAX_FILE_BYTES)[0]


def test_aliases_may_be_used() -> None:
    content = b"id: a\nname: &n Desk\ngreeting: *n\n"
    assert parse_agent(content, FILE).greeting == "Desk"


def test_a_small_file_that_grows_by_its_aliases_is_refused() -> None:
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    nine = b", ".join([b"*a%d"] * 9)
    levels += [b"a%d: &a%d [" % (n, n) + nine % ((n - 1,) * 9) + b"]" for n in range(1, 12)]
    assert "too large when its aliases" in problems_of(b"\n".join(levels))[0]


def test_a_file_that_grows_by_merging_is_refused() -> None:
    levels = [b"a0: &a0 {k: v}"]
    levels += [b"a%d: &a%d {<<: [*a%d, *a%d]}" % (n, n, n - 1, n - 1) for n in range(1, 40)]
    assert "too large when its aliases" in problems_of(b"\n".join(levels))[0]


def test_a_file_that_contains_itself_is_refused() -> None:
    assert "too large when its aliases" in problems_of(b"a: &a [*a]\n")[0]


def test_nesting_that_would_overflow_the_parser_is_refused() -> None:
    assert "nested more than 20 levels" in problems_of(b"a: " + b"[" * 500_000)[0]


def test_a_file_that_is_gone_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError, match="cannot be read: No such file"):
        read_agent_file(tmp_path / "gone.yaml")


def test_a_problem_without_line_or_field_reads_well() -> None:
    assert str(AgentProblem(FILE, "is empty")) == "frontdesk.yaml: is empty"
