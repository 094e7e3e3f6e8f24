import math
from collections import defaultdict

import pytest

from voice_agent.services.embedded.language_model import build_arpa, likely_sentences

QUESTIONS = ["When are you open?", "Where can I park my car?"]
BACKGROUND = {"weather": 0.2, "open": 0.1, "the": 0.5, "president": 0.2}

Model = dict[int, dict[tuple[str, ...], tuple[float, float]]]


def parse(arpa: str) -> Model:
    model: Model = defaultdict(dict)
    order = 0
    for line in arpa.splitlines():
        if line.endswith("-grams:"):
            order = int(line[1])
        elif order and line and not line.startswith("\\"):
            fields = line.split()
            words = tuple(fields[1 : 1 + order])
            backoff = float(fields[1 + order]) if len(fields) > 1 + order else 0.0
            model[order][words] = (10 ** float(fields[0]), 10**backoff)
    return model


def probability(model: Model, *words: str) -> float:
    found = model[len(words)].get(words)
    if found:
        return found[0]
    history = model[len(words) - 1].get(words[:-1])
    return (history[1] if history else 1.0) * probability(model, *words[1:])


@pytest.fixture(scope="module")
def model() -> Model:
    sentences = likely_sentences(QUESTIONS)
    known = {word for sentence in sentences for word in sentence} - {"park"}
    return parse(build_arpa(sentences, known, BACKGROUND))


@pytest.mark.parametrize("history", [(), ("<s>",), ("you",), ("weather",), ("<s>", "where")])
def test_the_words_after_a_history_share_all_the_probability(
    model: Model, history: tuple[str, ...]
) -> None:
    words = [word for (word,) in model[1] if word != "<s>"]
    total = sum(probability(model, *history, word) for word in words)
    assert math.isclose(total, 1.0, abs_tol=0.02)


def test_a_question_the_agent_knows_is_likelier_than_its_words_in_disorder(model: Model) -> None:
    assert probability(model, "are", "you", "open") > 20 * probability(model, "open", "you", "are")


def test_other_speech_can_be_heard(model: Model) -> None:
    assert probability(model, "the", "president") > 1e-4
    assert probability(model, "are", "you", "weather") > 1e-6


def test_a_word_without_a_sound_is_left_out(model: Model) -> None:
    assert ("park",) not in model[1]
    assert not any("park" in words for words in model[3])


def test_the_header_counts_what_follows() -> None:
    arpa = build_arpa(likely_sentences(QUESTIONS), {"when", "are", "you", "open"}, BACKGROUND)
    header = {
        int(line[6]): int(line.split("=")[1])
        for line in arpa.splitlines()
        if line.startswith("ngram ")
    }
    assert header == {order: len(words) for order, words in parse(arpa).items()}


def test_courtesies_are_likely_for_every_agent() -> None:
    sentences = likely_sentences([])
    assert sentences["thank", "you"] > 0
    assert () not in sentences
