"""The supervisor: keeps the processes running, and brings each connection to one of them."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loguru import logger

from voice_agent.cluster.doorway import Doorway
from voice_agent.cluster.gathering import Gathering
from voice_agent.cluster.giving import Giver
from voice_agent.cluster.messages import Answer, Answered, Asked
from voice_agent.cluster.placement import Placement
from voice_agent.cluster.post import Post, Starter
from voice_agent.cluster.server_process import ServerProcess
from voice_agent.cluster.tls_door import TlsDoor
from voice_agent.core.errors import SettingsError
from voice_agent.core.neighbours import Question
from voice_agent.core.process_ids import process_name
from voice_agent.observability import metric_totals
from voice_agent.observability.metric_totals import Families

DRAIN_TIMEOUT_S: Final = 15.0
"""How long the processes may take to end their calls and themselves."""
HURRY_TIMEOUT_S: Final = 3.0
"""The same after a second Ctrl-C."""
EXIT_OK: Final = 0
EXIT_FAILED: Final = 1


@dataclass(frozen=True)
class Plan:
    """What the supervisor runs.

    `command` starts a process; there are as many as `briefings`, each what one is told first.
    `server` is this server's name, where there are several.
    """

    listener: socket.socket
    command: Sequence[str]
    briefings: Sequence[bytes]
    tls: ssl.SSLContext | None = None
    server: str | None = None


class Supervisor:
    """Runs a plan. `monotonic` returns seconds."""

    def __init__(self, plan: Plan, monotonic: Callable[[], float]) -> None:
        self._placement = Placement()
        self._gathering = Gathering(self._counted)
        briefings = {
            process_name(index, plan.server): briefing
            for index, briefing in enumerate(plan.briefings)
        }
        self._posts = {
            name: Post(
                name,
                _starter(plan.command, briefing),
                self._placement,
                self._take_in,
                self._gathering.gone,
                monotonic,
            )
            for name, briefing in briefings.items()
        }
        self._tls = TlsDoor(plan.tls) if plan.tls is not None else None
        self._doorway = Doorway(
            plan.listener, self._placement, self._giver_of, monotonic, self._tls
        )
        self._keeping: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    async def run(self, announce: Callable[[], None]) -> int:
        """Run until told to stop by a signal; return the exit code.

        Args:
            announce: Called when all processes can take calls.

        Raises:
            SettingsError: Something in the settings keeps the first process from starting.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told_to_stop, number)
        try:
            if not await self._come_up():
                return EXIT_OK if self._stopping.is_set() else EXIT_FAILED
            self._doorway.open()
            announce()
            await self._stopping.wait()
            return EXIT_OK
        finally:
            await self._end()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _come_up(self) -> bool:
        """Start one process, and the others when that one can take calls; return whether all can.

        What is wrong with the settings is so found, and said, once.

        Raises:
            SettingsError: What the first one says stands in its way.
        """
        first, *others = self._posts.values()
        first.tells_faults = False
        self._keep(first)
        if not await self._any(first.is_ready.wait(), first.first_end.wait()):
            return False
        if not first.is_ready.is_set():
            if first.fault is not None:
                raise SettingsError(first.fault)
            logger.error("the first process ended before it could take calls; see above")
            return False
        first.tells_faults = True
        for post in others:
            self._keep(post)
        for post in others:
            if not await self._any(post.is_ready.wait()):
                return False
        return True

    async def _end(self) -> None:
        """Accept nothing more, and end all processes."""
        await self._doorway.close()
        for post in self._posts.values():
            post.stop()
        if not await self._kept_until(DRAIN_TIMEOUT_S, self._hurrying):
            for post in self._posts.values():
                post.stop(at_once=True)
            if not await self._kept_until(HURRY_TIMEOUT_S, None):
                logger.error("not every process has ended by itself; killing the rest")
                for post in self._posts.values():
                    post.kill()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        if self._tls is not None:
            await self._tls.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _told_to_stop(self, number: signal.Signals) -> None:
        if self._stopping.is_set() and number is signal.SIGINT:
            self._hurrying.set()
        self._stopping.set()

    async def _any(self, *awaited: Coroutine[Any, Any, Any]) -> bool:
        """Return whether one of `awaited` came before the supervisor was told to stop."""
        tasks = [asyncio.ensure_future(each) for each in awaited]
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            return not stopping.done()
        finally:
            for task in (*tasks, stopping):
                task.cancel()

    async def _kept_until(self, timeout_s: float, sooner: asyncio.Event | None) -> bool:
        """Return whether all processes have ended before the time, or `sooner`, came."""

        async def all_ended() -> None:
            if self._keeping:
                await asyncio.wait(self._keeping)

        waits = [asyncio.ensure_future(all_ended())]
        if sooner is not None:
            waits.append(asyncio.ensure_future(_until(sooner)))
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            return all(task.done() for task in self._keeping)
        finally:
            for wait in waits:
                wait.cancel()

    def _keep(self, post: Post) -> None:
        self._keeping.add(asyncio.create_task(post.keep(), name=f"{post.name} keeping"))

    def _giver_of(self, name: str) -> Giver | None:
        process = self._posts[name].process if name in self._posts else None
        return process.giver if process else None

    def _take_in(self, name: str, message: Asked | Answer) -> None:
        """Take in what a process asks or answers."""
        match message:
            case Answer():
                self._gathering.answered(name, message)
            case Asked():
                task = asyncio.create_task(self._answer(name, message), name="gathering")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, name: str, asked: Asked) -> None:
        others = {
            other: post.process.channel
            for other, post in self._posts.items()
            if other != name and post.process is not None and post.serves
        }
        subject = Question(asked.question)
        answers, answered = await self._gathering.gather(subject, name, asked.own, others)
        asker = self._posts[name].process
        if asker is not None:
            wanted = len(self._posts)
            asker.channel.send(Answered(asked.number, answers, answered, wanted))

    def _counted(self) -> Families:
        restarts = sum(post.restarts for post in self._posts.values())
        return (
            metric_totals.counter(
                "voice_agent_process_restarts", "Processes that were started again.", restarts
            ),
        )


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def _starter(command: Sequence[str], briefing: bytes) -> Starter:
    async def start(on_closed: Callable[[], None]) -> ServerProcess:
        return await ServerProcess.start(command, briefing, on_closed)

    return start
