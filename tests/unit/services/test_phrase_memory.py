import pytest

from voice_agent.core.agent import Agent, KnowledgeEntry
from voice_agent.core.service_pool import ResourceKey, ResourceKind
from voice_agent.services.phrase_memory import PhraseMemory, is_written_by

PART = bytes(1000)
KEY = ResourceKey(ResourceKind.SHARED, "phrase", "test")


def test_a_phrase_is_recalled_in_its_voice_and_its_exact_words_only() -> None:
    memory = PhraseMemory(100_000)
    memory.keep("alloy", "Hello.", [PART, b"\x01\x02"])
    found = memory.recall("alloy", "Hello.")
    assert found is not None
    assert found.parts == (PART, b"\x01\x02")
    assert memory.recall("coral", "Hello.") is None
    assert memory.recall("alloy", "Hello") is None


def test_what_was_said_longest_ago_goes_first_and_the_bound_holds() -> None:
    memory = PhraseMemory(3500)
    for text in ("one", "two", "three"):
        memory.keep("alloy", text, [PART])
    assert memory.recall("alloy", "one")
    for number in range(100):
        memory.keep("alloy", f"phrase {number}", [PART])
        assert memory.recall("alloy", "one"), "it is said all the time"
        assert memory.size <= memory.limit
    assert len(memory) == 3
    assert memory.recall("alloy", "two") is None


def test_a_phrase_larger_than_the_bound_is_not_kept_and_drives_out_nothing() -> None:
    memory = PhraseMemory(3500)
    memory.keep("alloy", "short", [PART])
    memory.keep("alloy", "long", [PART] * 4)
    assert memory.recall("alloy", "short")
    assert memory.recall("alloy", "long") is None


def test_a_phrase_that_is_made_again_is_counted_once_in_the_size() -> None:
    memory = PhraseMemory(10_000)
    for _ in range(50):
        memory.keep("alloy", "Hello.", [PART])
    assert len(memory) == 1
    assert memory.size < 1200


def test_it_counts_what_was_made_recalled_and_forgotten() -> None:
    memory = PhraseMemory(1500)
    memory.keep("alloy", "one", [PART])
    memory.keep("alloy", "two", [PART])
    memory.recall("alloy", "two")
    memory.recall("alloy", "one")
    counts = memory.statistics(KEY)
    assert (counts.size, counts.created, counts.reused, counts.retired) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Hello.", True),
        ("How can I help?", True),
        ("On Sunday we are closed.", True),
        ("On Monday we are closed.", False),
        ("You asked about Mr Smith.", False),
    ],
)
def test_fixed_is_what_stands_in_the_agents_file_word_for_word(text: str, written: bool) -> None:
    hours = KnowledgeEntry(("When are you open?",), "From nine to six. On Sunday we are closed.")
    agent = Agent(id="desk", name="Desk", greeting="Hello. How can I help?", knowledge=(hours,))
    assert is_written_by(agent, text) is written
