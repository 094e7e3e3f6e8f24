import pytest

from voice_agent.core.agent import Agent, KnowledgeEntry
from voice_agent.core.knowledge import KnowledgeIndex
from voice_agent.services.embedded.courtesies import Courtesy, courtesy_of
from voice_agent.services.embedded.reply import Exchange, Responder, sentences_of

KNOWLEDGE = tuple(
    KnowledgeEntry((question,), answer)
    for question, answer in {
        "When are you open?": "From nine to six.",
        "Where can I park?": "Under the house.",
        "How can I pay?": "In cash.",
        "I lost something.": "Ask at the desk.",
        "Who is this?": "A program.",
    }.items()
)
AGENT = Agent(id="a", name="Desk", greeting="Welcome. How can I help?", knowledge=KNOWLEDGE)


@pytest.fixture
def responder() -> Responder:
    return Responder(AGENT, KnowledgeIndex(AGENT))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hello!", Courtesy.GREETING),
        ("good morning", Courtesy.GREETING),
        ("thank you very much", Courtesy.THANKS),
        ("thanks", Courtesy.THANKS),
        ("bye bye", Courtesy.GOODBYE),
        ("Could you say that again?", Courtesy.REPEAT),
        ("can you repeat that please", Courtesy.REPEAT),
        ("what can you do", Courtesy.ABILITIES),
        ("no thank you", Courtesy.REFUSAL),
        ("hello when are you open", None),
        ("when are you open", None),
        ("", None),
    ],
)
def test_small_talk_is_told_from_questions(text: str, kind: Courtesy | None) -> None:
    assert courtesy_of(text) is kind


def test_a_known_question_gets_its_answer(responder: Responder) -> None:
    assert responder.reply(Exchange("hello when are you open please")) == "From nine to six."


@pytest.mark.parametrize(
    ("unanswered", "heard", "answer"),
    [
        ("i would like to know", "when are you open", "From nine to six."),
        ("when are", "you open", "From nine to six."),
        ("when are you open", "please", "From nine to six."),
        ("when are you open", "where can i park", "Under the house."),
        ("where can i park", "when are you open", "From nine to six."),
        ("hello when are you open", "how can i pay", "In cash."),
    ],
)
def test_a_turn_may_come_in_pieces_and_a_question_may_replace_another(
    responder: Responder, unanswered: str, heard: str, answer: str
) -> None:
    assert responder.reply(Exchange(heard, unanswered=unanswered)) == answer


def test_knowledge_that_fits_exactly_goes_before_small_talk() -> None:
    agent = Agent(
        id="a", name="A", greeting="Hi", knowledge=(KnowledgeEntry(("Goodbye.",), "Fare well."),)
    )
    assert Responder(agent, KnowledgeIndex(agent)).reply(Exchange("goodbye")) == "Fare well."


def test_what_it_does_not_know_it_says_and_names_what_it_does(responder: Responder) -> None:
    answer = responder.reply(Exchange("what is the weather like"))
    assert "know" in answer
    assert sum(entry.questions[0] in answer for entry in KNOWLEDGE) == 2
    assert "I lost something." not in answer


def test_what_it_suggests_varies(responder: Responder) -> None:
    answers = {responder.reply(Exchange("tell me a joke", answers=count)) for count in range(6)}
    assert len(answers) == 6


def test_it_repeats_its_last_answer(responder: Responder) -> None:
    assert responder.reply(Exchange("say that again please", "Under the house.", 1)) == (
        "Under the house."
    )
    assert responder.reply(Exchange("pardon")) == AGENT.greeting


def test_a_first_hello_is_greeted_and_a_later_one_is_not_the_whole_greeting_again(
    responder: Responder,
) -> None:
    assert responder.reply(Exchange("hello")) == AGENT.greeting
    assert responder.reply(Exchange("hello", answers=3)) != AGENT.greeting


def test_an_agent_without_knowledge_or_greeting_has_something_to_say() -> None:
    agent = Agent(id="a", name="Desk", instructions="Be kind.")
    responder = Responder(agent, KnowledgeIndex(agent))
    assert "Desk" in responder.reply(Exchange("hello"))
    assert "not given anything" in responder.reply(Exchange("what can you do"))
    assert responder.reply(Exchange("")) != ""


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("Only one", ["Only one"]),
        ("At 9.30 sharp. Or not.", ["At 9.30 sharp. ", "Or not."]),
    ],
)
def test_an_answer_is_streamed_sentence_by_sentence(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences
    assert "".join(sentences_of(text)) == text
