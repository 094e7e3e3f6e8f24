"""Asks the processes what one of them wants to know, and keeps what must outlive a process."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from voice_agent.cluster.messages import Answer, Message, Question
from voice_agent.core.neighbours import Question as Subject
from voice_agent.observability import metric_totals
from voice_agent.observability.metric_totals import Families

ANSWER_TIMEOUT_S: Final = 1.0
"""How long a process may take to answer; who takes longer is left out."""


class Asks(Protocol):
    """What reaches one process; see `channel.Channel`."""

    def send(self, message: Message) -> None:
        """Send it, or lose it."""


class KeptCounters:
    """What each process last told of its counters. They go on counting when it is replaced. Pure.

    `told` is by the name of a process; one that is replaced has its name again.
    """

    def __init__(self) -> None:
        self._told: dict[str, Families] = {}
        self._departed: Families = ()

    def told(self, name: str, families: Families) -> None:
        """Keep what a process says now."""
        self._told[name] = metric_totals.counters_only(families)

    def gone(self, name: str) -> None:
        """A process ended: what it told last stands for ever."""
        self._departed = metric_totals.add_up((self._departed, self._told.pop(name, ())))

    def beside(self, answered: Sequence[str]) -> Families:
        """Return the counters of processes that ended, and of those that did not answer."""
        missing = [told for name, told in self._told.items() if name not in answered]
        return metric_totals.add_up((self._departed, *missing))


class Gathering:
    """Gathers the answers of the processes.

    Args:
        own: Returns what the supervisor itself has counted.
    """

    def __init__(self, own: Callable[[], Families]) -> None:
        self._own = own
        self._counters = KeptCounters()
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[str, asyncio.Future[Any]]] = {}

    async def gather(
        self, subject: Subject, asker: str, said: Any, others: Mapping[str, Asks]
    ) -> tuple[tuple[Any, ...], int]:
        """Return what all others answer, and of how many processes that is, the asker's counted.

        Args:
            subject: What is asked.
            asker: The process that wants to know.
            said: What that one answers itself.
            others: How to reach the others, by name.
        """
        asked = {name: self._ask(name, subject, process) for name, process in others.items()}
        if asked:
            await asyncio.wait(asked.values(), timeout=ANSWER_TIMEOUT_S)
        answers = {
            name: future.result()
            for name, future in asked.items()
            if future.done() and not future.cancelled()
        }
        for future in asked.values():
            future.cancel()
        values = tuple(answers.values())
        if subject is Subject.METRICS:
            for name, answer in {asker: said, **answers}.items():
                self._counters.told(name, metric_totals.from_json(answer))
            kept = (self._counters.beside([asker, *answers]), self._own())
            values += tuple(metric_totals.to_json(families) for families in kept)
        return values, 1 + len(answers)

    def answered(self, name: str, answer: Answer) -> None:
        """Take in what a process says to a question."""
        asked, future = self._open.get(answer.number, ("", None))
        if future is not None and asked == name and not future.done():
            future.set_result(answer.answer)

    def gone(self, name: str) -> None:
        """A process ended: nothing more comes of it."""
        self._counters.gone(name)
        for asked, future in self._open.values():
            if asked == name:
                future.cancel()

    def _ask(self, name: str, subject: Subject, process: Asks) -> "asyncio.Future[Any]":
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = (name, future)
        future.add_done_callback(lambda _: self._open.pop(number, None))
        process.send(Question(number, subject.value))
        return future
