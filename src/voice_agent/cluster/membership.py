"""A process's own end of the cluster: it tells how much it has, asks, answers, and is told."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from loguru import logger

from voice_agent.cluster.channel import Channel
from voice_agent.cluster.gathering import ANSWER_TIMEOUT_S
from voice_agent.cluster.messages import Answer, Answered, Asked, Failed, Question, Report, Stop
from voice_agent.cluster.placement import Load
from voice_agent.core.events import Event, LegEnded, LegStarted, SessionStateChanged
from voice_agent.core.neighbours import Gathered
from voice_agent.core.neighbours import Question as Subject

REPORT_AT_MOST_EVERY_S: Final = 0.02
REPORT_AT_LEAST_EVERY_S: Final = 1.0
"""Who is not heard of for long is taken for stuck; see `placement` and `post`."""
_ASK_TIMEOUT_S: Final = 2 * ANSWER_TIMEOUT_S


class Membership:
    """Implements `core.neighbours.Neighbours`, over the control channel.

    Args:
        channel: The process's end.
        wanted: How many processes there should be.
        stop: Called when the process shall stop, with whether at once.
    """

    def __init__(self, channel: Channel, wanted: int, stop: Callable[[bool], None]) -> None:
        self._channel = channel
        self._wanted = wanted
        self._stop = stop
        self._load: Callable[[], Load] | None = None
        self._answer: Callable[[Subject], Awaitable[Any]] | None = None
        self._settled: list[int] = []
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Gathered]] = {}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, load: Callable[[], Load], answer: Callable[[Subject], Awaitable[Any]]) -> None:
        """Tell from now on what `load` returns, and what `answer` returns to who asks."""
        self._load, self._answer = load, answer
        self._own(self._report(), "load reports")

    def note(self, event: Event) -> None:
        """Listen to what happens in sessions."""
        if isinstance(event.payload, SessionStateChanged | LegStarted | LegEnded):
            self._changed.set()

    def settled(self, number: int) -> None:
        """A request that was placed here to begin a session has begun it, or was refused."""
        self._settled.append(number)
        self._changed.set()

    async def failed(self, message: str) -> None:
        """Tell why this process cannot start."""
        self._channel.send(Failed(message))
        await self._channel.flush()

    async def listen(self) -> None:
        """Do what the supervisor says; return when it is gone."""
        async for message in self._channel.messages():
            match message:
                case Question(number=number, question=question):
                    self._own(self._answer_to(number, Subject(question)), "answer")
                case Answered():
                    future = self._asked.get(message.number)
                    if future is not None and not future.done():
                        future.set_result(
                            Gathered(message.answers, message.answered, message.wanted)
                        )
                case Stop(at_once=at_once):
                    self._stop(at_once)
                case _:
                    pass

    async def ask(self, question: Subject, own: Any) -> Gathered:
        """Return what the others answer, within a few seconds; nothing when nobody does."""
        number = next(self._numbers)
        future: asyncio.Future[Gathered] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._channel.send(Asked(number, question.value, own))
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                return await future
        except TimeoutError:
            logger.warning("the supervisor does not answer")
            return Gathered((), 1, self._wanted)
        finally:
            del self._asked[number]

    async def close(self) -> None:
        """Tell nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._channel.flush()
        self._channel.close()

    async def _report(self) -> None:
        while self._load is not None:
            self._changed.clear()
            load, settled = self._load(), tuple(self._settled)
            self._settled.clear()
            self._channel.send(
                Report(load.sessions, load.peers, load.quota, load.is_ready, settled)
            )
            await asyncio.sleep(REPORT_AT_MOST_EVERY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPORT_AT_LEAST_EVERY_S):
                    await self._changed.wait()

    async def _answer_to(self, number: int, subject: Subject) -> None:
        if self._answer is not None:
            self._channel.send(Answer(number, await self._answer(subject)))

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
