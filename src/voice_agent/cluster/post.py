"""A post: the place of one process, filled again whenever the process ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from voice_agent.cluster.backoff import Backoff
from voice_agent.cluster.messages import Answer, Asked, Failed, Report, Stop
from voice_agent.cluster.placement import Placement
from voice_agent.cluster.server_process import ServerProcess

START_TIMEOUT_S: Final = 180.0
"""How long a process may take until it can take calls; models may have to be loaded."""
KILL_AFTER_S: Final = 20.0
"""A process that has not been heard of for so long is replaced."""
GOODBYE_S: Final = 5.0
"""How long a process may go on that has closed its control channel."""
_WATCH_EVERY_S: Final = 0.5
_QUIET_S: Final = 2.0
"""A healthy process reports more often."""

Starter = Callable[[Callable[[], None]], Awaitable[ServerProcess]]
"""Starts a process; its argument is called when that takes no more connections."""


class Post:
    """Keeps one process running, and tells what comes of it.

    Args:
        name: The process's.
        start: Starts it.
        placement: Is told how much it has, and when it is gone.
        on_message: Called with its questions and answers.
        on_gone: Called when it has ended.
        monotonic: The time, in seconds.
    """

    def __init__(
        self,
        name: str,
        start: Starter,
        placement: Placement,
        on_message: Callable[[str, Asked | Answer], None],
        on_gone: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        self.process: ServerProcess | None = None
        self.is_ready = asyncio.Event()
        """Whether it has been able to take calls, once."""
        self.first_end = asyncio.Event()
        """Whether a process of this post has ended, once."""
        self.fault: str | None = None
        """What its last process said stood in its way."""
        self.tells_faults = True
        """Whether such a fault is logged; somebody else says it otherwise."""
        self.restarts = 0
        self._start = start
        self._placement = placement
        self._on_message = on_message
        self._on_gone = on_gone
        self._monotonic = monotonic
        self._backoff = Backoff()
        self._stopping = asyncio.Event()
        self._serves_since: float | None = None

    @property
    def serves(self) -> bool:
        """Whether its present or last process has been able to take calls."""
        return self._serves_since is not None

    def _served_s(self) -> float:
        return 0.0 if self._serves_since is None else self._monotonic() - self._serves_since

    async def keep(self) -> None:
        """Start its process, and start it again when it ends, until told to stop."""
        while not self._stopping.is_set():
            try:
                await self._run_once()
            except OSError as error:
                logger.error("process {} cannot be started: {}", self.name, error)
            finally:
                self.first_end.set()
            if self._stopping.is_set():
                return
            wait_s = self._backoff.after(self._served_s())
            try:
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()
            except TimeoutError:
                logger.warning("process {} is started again", self.name)
                self.restarts += 1

    def stop(self, *, at_once: bool = False) -> None:
        """Let its process end all calls, and itself."""
        self._stopping.set()
        if self.process is None:
            return
        if self.serves:
            self.process.channel.send(Stop(at_once))
        else:
            self.process.terminate()

    def kill(self) -> None:
        """End its process at once, and start none."""
        self._stopping.set()
        if self.process is not None:
            self.process.kill()

    async def _run_once(self) -> None:
        """Run a process to its end."""
        self.fault, self._serves_since = None, None
        process = await self._start(lambda: self._placement.gone(self.name))
        self.process = process
        if self._stopping.is_set():
            process.terminate()
        watching = asyncio.create_task(self._watch(process), name=f"{self.name} watch")
        hearing = asyncio.create_task(self._hear(process), name=f"{self.name} control channel")
        try:
            code = await process.wait()
            # What it said last is still to be read.
            await asyncio.wait([hearing], timeout=GOODBYE_S)
        finally:
            process.kill()
            watching.cancel()
            hearing.cancel()
            await asyncio.gather(watching, hearing, return_exceptions=True)
            self.process = None
            process.close()
            self._on_gone(self.name)
        if not self._stopping.is_set() and self.fault is None:
            logger.error("process {} ended ({})", self.name, _how(code))

    async def _hear(self, process: ServerProcess) -> None:
        """Take in what a process says, until it is gone or says nothing more."""
        async for message in process.channel.messages():
            match message:
                case Report() if not process.giver.is_closed:
                    load, now = message.load, self._monotonic()
                    self._placement.heard(self.name, load, message.settled, now)
                    if load.is_ready and not self.serves:
                        self._serves_since = now
                        logger.info("process {} (pid {}) takes calls", self.name, process.pid)
                        self.is_ready.set()
                case Failed(message=fault):
                    self.fault = fault
                    if self.tells_faults:
                        logger.error("process {}: {}", self.name, fault)
                case Asked() | Answer():
                    self._on_message(self.name, message)
                case _:
                    pass
        try:
            async with asyncio.timeout(GOODBYE_S):
                await process.wait()
        except TimeoutError:
            process.kill()

    async def _watch(self, process: ServerProcess) -> None:
        """Kill a process that does not come up, or is stuck.

        Counted is what this task has watched, not the clock: if the supervisor itself was stopped
        for a while, that is nobody's silence.
        """
        starting_s = quiet_s = 0.0
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            starting_s = 0.0 if self.serves else starting_s + _WATCH_EVERY_S
            quiet = self._placement.silence(self.name, self._monotonic()) > _QUIET_S
            # One that takes no more connections is about to end, and may hang at that.
            is_quiet = quiet or process.giver.is_closed
            quiet_s = quiet_s + _WATCH_EVERY_S if is_quiet else 0.0
            if starting_s > START_TIMEOUT_S:
                logger.error("process {} does not come up; killing it", self.name)
                process.kill()
            elif quiet_s > KILL_AFTER_S:
                logger.error("process {} is stuck; killing it", self.name)
                process.kill()


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
