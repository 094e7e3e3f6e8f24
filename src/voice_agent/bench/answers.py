"""How long a caller waits for an answer: from the end of his speech to the first audio."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from voice_agent.bench.callers import QUESTIONS, speeches
from voice_agent.bench.figures import Distribution
from voice_agent.client import Call, NoAnswerError, TransportName, ask, greeting
from voice_agent.client.errors import CallError

BOTH = (TransportName.WEBSOCKET, TransportName.WEBRTC)


@dataclass(frozen=True)
class AskedQuestion:
    """One question and how long its answer took.

    Attributes:
        transport: How the caller was connected.
        voice: Who asked.
        question: What was asked.
        understood: What the server understood.
        answer: What it answered.
        latency_s: End of speech to first audio, in seconds; None when nothing came.
    """

    transport: TransportName
    voice: str
    question: str
    understood: str
    answer: str
    latency_s: float | None


@dataclass
class Answers:
    """What was asked and answered, and the calls that failed."""

    asked: list[AskedQuestion] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def latencies(self, transport: TransportName | None = None) -> list[float]:
        """Return the latencies in seconds, of one transport or of all."""
        return [
            question.latency_s
            for question in self.asked
            if question.latency_s is not None and transport in (None, question.transport)
        ]

    def distributions(self) -> dict[str, Distribution]:
        """Return the distribution over each transport that was used, and over all."""
        found = {transport.value: self.latencies(transport) for transport in BOTH}
        found["all"] = self.latencies()
        return {name: Distribution.of(values) for name, values in found.items() if values}


@dataclass(frozen=True)
class Caller:
    """One call: how, with which voice, and what it asks one after the other."""

    transport: TransportName
    voice: str
    questions: Sequence[str] = QUESTIONS


async def ask_questions(
    url: str, callers: Iterable[Caller], *, at_once: int = 1, apart_s: float = 0.0
) -> Answers:
    """Let `callers` call the server at `url`, at most `at_once` at a time; return all answers.

    Each begins `apart_s` seconds after the one before, at the earliest, and hears every answer to
    its end before it asks on.
    """
    answers, places = Answers(), asyncio.Semaphore(at_once)

    async def call_in(caller: Caller) -> None:
        async with places:
            try:
                await _converse(url, caller, answers)
            except CallError as error:
                answers.failures.append(f"{caller.transport} {caller.voice}: {error}")

    async with asyncio.TaskGroup() as calls:
        for caller in callers:
            calls.create_task(call_in(caller))
            await asyncio.sleep(apart_s)
    return answers


async def _converse(url: str, caller: Caller, answers: Answers) -> None:
    said = await speeches(caller.questions, caller.voice)
    async with Call(url, transport=caller.transport, keep_samples=False) as call:
        await greeting(call, within_s=15)
        for question, speech in zip(caller.questions, said, strict=True):
            try:
                got = await ask(call, speech)
                understood, words, latency = got.user_text, got.text, got.latency_s
            except NoAnswerError:
                understood, words, latency = "", "", None
            answers.asked.append(
                AskedQuestion(caller.transport, caller.voice, question, understood, words, latency)
            )
