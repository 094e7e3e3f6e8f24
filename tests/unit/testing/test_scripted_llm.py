from collections.abc import Mapping
from typing import Any

import pytest

from voice_agent.testing.scripted_llm import DO_NOT_KNOW, ScriptedLLM


def asked(*questions: str) -> list[Mapping[str, Any]]:
    return [
        {"role": "system", "content": "You answer when they are open."},
        *({"role": "user", "content": question} for question in questions),
        {"role": "assistant", "content": "Hm."},
    ]


@pytest.mark.parametrize(
    ("question", "reply"),
    [("When are you OPEN?", "At nine."), ("Where?", "Here."), ("Why?", DO_NOT_KNOW)],
)
def test_rules_look_at_the_last_question(question: str, reply: str) -> None:
    llm = ScriptedLLM({"open": "At nine.", "where": "Here."})
    assert llm.answer(asked("open where", question)) == reply


def test_the_first_rule_that_fits_is_taken() -> None:
    llm = ScriptedLLM({"open": "At nine.", "when": "Soon."})
    assert llm.answer(asked("When are you open?")) == "At nine."


def test_answers_come_in_order_until_they_are_used_up() -> None:
    llm = ScriptedLLM(["One.", "Two."])
    assert [llm.answer(asked("?")) for _ in range(3)] == ["One.", "Two.", DO_NOT_KNOW]


def test_a_function_may_answer() -> None:
    llm = ScriptedLLM(lambda question: f"You said {question}")
    assert llm.answer(asked("hello")) == "You said hello"


def test_nobody_has_asked_yet() -> None:
    assert ScriptedLLM(lambda question: f"[{question}]").answer(()) == "[]"


def test_every_request_is_kept() -> None:
    llm = ScriptedLLM()
    llm.answer(asked("one"))
    llm.answer(asked("one", "two"))
    assert [len(messages) for messages in llm.requests] == [3, 4]
