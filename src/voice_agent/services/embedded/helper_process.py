"""Work that would hold the event loop, crash us or may not be linked into us: in a child process.

`HelperProcess` keeps one child running and multiplexes the streams of many legs over one socket to
it. The child runs a module that imports next to nothing (see `helper_channel`), so it is ready in
tens of milliseconds and costs a few megabytes. When it dies, hangs or writes garbage, whoever has a
stream open on it gets `HelperDiedError` at once, and a new child is started, at once the first time
and then with growing pauses; streams of other helpers notice nothing.

    helper = HelperProcess("flite", helper_command("voice_agent.services.embedded.flite_helper"))
    await helper.start()
    with await helper.open_stream() as stream:
        await stream.send(SPEAK, b"Hello")
        message = await stream.receive(timeout_s=2)
    await helper.close()

The child ends when we do, however we end: its socket closes with us.
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from loguru import logger

from voice_agent.services.embedded.helper_connection import HelperConnection
from voice_agent.services.embedded.helper_errors import HelperUnavailableError
from voice_agent.services.embedded.helper_stream import HelperStream


def helper_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` of our package as a helper.

    `-P` keeps the working directory off the import path: a stray file there is not our module.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


@dataclass(frozen=True)
class RestartPolicy:
    """How a child that ended is started again; all in seconds.

    The pause before the n-th start in a row is 0, `first_pause_s`, twice that, and so on up to
    `longest_pause_s`. A child that was ready for `healthy_after_s` begins the row anew.
    """

    first_pause_s: float = 0.2
    longest_pause_s: float = 10.0
    healthy_after_s: float = 10.0
    ready_timeout_s: float = 15.0

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after `failures` (at least 1) ends in a row."""
        if failures <= 1:
            return 0.0
        return float(min(self.longest_pause_s, self.first_pause_s * 2 ** min(failures - 2, 30)))


class HelperProcess:
    """One helper, kept running from `start` to `close`; shared by all legs of the event loop."""

    def __init__(
        self, name: str, command: Sequence[str], *, restart: RestartPolicy | None = None
    ) -> None:
        self._name = name
        self._command = list(command)
        self._restart = restart or RestartPolicy()
        self._connection: HelperConnection | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._last_failure = "it was not started"
        self._starts = 0

    @property
    def name(self) -> str:
        """The name it has in the log."""
        return self._name

    @property
    def pid(self) -> int | None:
        """The process id of the child that runs now."""
        return self._connection.pid if self._connection else None

    @property
    def starts(self) -> int:
        """How often a child was started."""
        return self._starts

    @property
    def is_running(self) -> bool:
        """Whether a child runs and takes streams."""
        return self._running() is not None

    @property
    def stream_count(self) -> int:
        """How many streams are open."""
        return self._connection.stream_count if self._connection else 0

    @property
    def ready_payload(self) -> bytes:
        """What the running child said of itself when it was ready."""
        return self._connection.ready_payload if self._connection else b""

    async def start(self) -> None:
        """Start the child and return when it is ready for work.

        Raises:
            HelperUnavailableError: It cannot start; nothing is left running.
        """
        connection = await self._start_child()
        self._supervisor = asyncio.create_task(
            self._supervise(connection), name=f"{self._name}-helper-supervisor"
        )

    async def open_stream(self, *, timeout_s: float = 5.0) -> HelperStream:
        """Return a new stream, waiting at most `timeout_s` seconds for a child that restarts.

        Raises:
            HelperUnavailableError: There was no running child in time, or it was closed.
        """
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(
                    lambda: self._stopping.is_set() or self._running() is not None
                )
        except TimeoutError:
            pass
        connection = self._running()
        if connection is None or self._stopping.is_set():
            raise HelperUnavailableError(
                f"the {self._name} helper is not running: {self._last_failure}"
            )
        return connection.open_stream()

    async def close(self) -> None:
        """End the child and wait for its end; open streams fail. Closing again does nothing."""
        self._last_failure = "it was stopped"
        self._stopping.set()
        await self._announce()
        if self._connection is not None:
            await self._connection.close()
        if self._supervisor is not None:
            await self._supervisor

    def _running(self) -> HelperConnection | None:
        return self._connection if self._connection and self._connection.alive else None

    async def _announce(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _start_child(self) -> HelperConnection:
        self._starts += 1
        connection = self._connection = HelperConnection(self._name)
        await connection.start(self._command, timeout_s=self._restart.ready_timeout_s)
        await self._announce()
        return connection

    async def _supervise(self, connection: HelperConnection | None) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            if connection is not None:
                await connection.closed.wait()
                self._last_failure = connection.reason
            if self._stopping.is_set():
                return
            healthy = connection is not None and (
                loop.time() - began >= self._restart.healthy_after_s
            )
            failures = 1 if healthy else failures + 1
            pause_s = self._restart.pause_s(failures)
            logger.warning(
                "the {} helper ended: {}; starting it again in {:.1f} s",
                self._name,
                self._last_failure,
                pause_s,
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            if self._stopping.is_set():
                return
            try:
                connection = await self._start_child()
            except HelperUnavailableError as error:
                connection = None
                self._last_failure = str(error)
