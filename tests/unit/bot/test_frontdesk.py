"""The agent that answers out of the box."""

from pathlib import Path

import pytest
import yaml

from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.knowledge import KnowledgeIndex

FILE = Path(__file__).parents[3] / "agents" / "frontdesk.yaml"
LONGEST_ANSWER_WORDS = 30
"""About ten seconds of speech."""


@pytest.fixture(scope="module")
def front_desk() -> Agent:
    return AGENT_ADAPTER.validate_python(yaml.safe_load(FILE.read_text()))


def test_it_knows_its_opening_hours(front_desk: Agent) -> None:
    index = KnowledgeIndex(front_desk)
    for question in ("When are you open?", "What are your opening hours on Saturday?"):
        match = index.best(question)
        assert match is not None
        assert match.entry.answer == "We are open from nine to six, Monday to Saturday."


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("What is this software?", "Voice Agent Backend"),
        ("Is it open source?", "Apache"),
        ("How do you work without a key?", "no key"),
        ("How do I give you a language model?", "provider"),
        ("Can I use a local model?", "base U R L"),
        ("How do I make my own agent?", "agents folder"),
    ],
)
def test_it_can_say_what_it_is_and_how_to_change_it(
    front_desk: Agent, question: str, says: str
) -> None:
    match = KnowledgeIndex(front_desk).best(question)
    assert match is not None
    assert says in match.entry.answer


def test_its_answers_can_be_spoken(front_desk: Agent) -> None:
    assert len(front_desk.knowledge) >= 30
    for entry in front_desk.knowledge:
        assert len(entry.answer.split()) <= LONGEST_ANSWER_WORDS, entry.answer
        assert not set(entry.answer) & set("_=/*#`<>0123456789"), entry.answer


def test_no_question_is_asked_twice(front_desk: Agent) -> None:
    questions = [question for entry in front_desk.knowledge for question in entry.questions]
    assert len(questions) == len(set(questions))
