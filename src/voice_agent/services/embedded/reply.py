"""What to say to what was said, from an agent's knowledge alone. Pure: text in, text out."""

import re
from dataclasses import dataclass
from typing import Final

from voice_agent.core.agent import Agent
from voice_agent.core.knowledge import KnowledgeIndex
from voice_agent.services.embedded.courtesies import Courtesy, courtesy_of

_TOPICS_NAMED: Final = 2
_CERTAIN: Final = 0.9
"""The score from which on knowledge goes before small talk of the same words."""
_TOPIC_STRIDE: Final = 7
"""Steps from topic to topic: neighbours in an author's file are about the same thing."""
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")
_OPENINGS: Final = (
    "Sorry, that I do not know.",
    "I am afraid I have no answer to that.",
    "That is beyond me, sorry.",
)
_ANSWERS: Final = {
    Courtesy.WELL_BEING: "I am fine, thank you. How can I help?",
    Courtesy.THANKS: "You are welcome.",
    Courtesy.GOODBYE: "Goodbye.",
    Courtesy.AGREEMENT: "All right. What would you like to know?",
    Courtesy.REFUSAL: "All right. I am here if you need anything.",
    Courtesy.PAUSE: "All right.",
}


@dataclass(frozen=True)
class Exchange:
    """Where the conversation is: what was said last, and how many answers came before.

    `unanswered` is what was said before `heard` since the last answer: the beginning of it, or
    something else that was cut short.
    """

    heard: str
    last_answer: str = ""
    answers: int = 0
    unanswered: str = ""


class Responder:
    """Answers for one version of an agent; immutable, cheap."""

    def __init__(self, agent: Agent, knowledge: KnowledgeIndex) -> None:
        self._knowledge = knowledge
        self._greeting = agent.greeting or f"Hello, this is {agent.name}. How can I help?"
        first = [entry.questions[0] for entry in agent.knowledge]
        self._topics = [question for question in first if question.endswith("?")] or first

    def reply(self, exchange: Exchange) -> str:
        """Return what to say; never empty."""
        heard = self._question(exchange)
        match = self._knowledge.best(heard)
        courtesy = courtesy_of(heard)
        if match is not None and (courtesy is None or match.score >= _CERTAIN):
            return match.entry.answer
        if courtesy is None:
            return self._not_known(exchange.answers)
        if courtesy is Courtesy.GREETING:
            return "Hello. How can I help?" if exchange.answers else self._greeting
        if courtesy is Courtesy.REPEAT:
            return exchange.last_answer or self._greeting
        if courtesy is Courtesy.ABILITIES:
            return f"I answer questions about what I know. {self._suggestion(exchange.answers)}"
        return _ANSWERS[courtesy]

    def _question(self, exchange: Exchange) -> str:
        """Return what to answer: a turn can come in pieces, but a question may replace another."""
        replaced = self._knowledge.is_complete_question(exchange.unanswered)
        if replaced and self._knowledge.best(exchange.heard) is not None:
            return exchange.heard
        return f"{exchange.unanswered} {exchange.heard}".strip()

    def _not_known(self, answers: int) -> str:
        opening = _OPENINGS[answers % len(_OPENINGS)]
        return f"{opening} {self._suggestion(answers)}"

    def _suggestion(self, answers: int) -> str:
        """Return two questions it can answer, others each time."""
        count = len(self._topics)
        if not count:
            return "I was not given anything to answer from yet."
        first = answers * _TOPICS_NAMED
        chosen = dict.fromkeys(
            self._topics[(first + step) * _TOPIC_STRIDE % count] for step in range(_TOPICS_NAMED)
        )
        return f"You can ask me, for example: {' Or: '.join(chosen)}"


def sentences_of(text: str) -> list[str]:
    """Return the sentences of `text`, each but the last with a space after it."""
    parts = _SENTENCE_END.split(text.strip())
    return [f"{part} " for part in parts[:-1]] + parts[-1:]
