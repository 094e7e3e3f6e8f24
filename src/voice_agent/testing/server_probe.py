"""A probe in a server's event loop: what is there of it, and how long its loop was held.

`ServerProbe` listens on a port of loopback, takes one command a line and answers with a line of
JSON; `ProbeClient` asks it. `running_server.serving(..., probed=True)` starts a server with one.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import psutil

from voice_agent.testing.loop_watchdog import Hold, HoldReport, LoopWatchdog

PROBE_ANNOUNCEMENT = "probe: "
"""How the line begins that tells the probe's port."""
_TASK_NAME = "probe"
_ANSWER_LIMIT = 4 << 20
_TIMEOUT_S = 60.0


class _Counted(Protocol):
    @property
    def open_count(self) -> int: ...


class _Sessions(Protocol):
    @property
    def live_count(self) -> int: ...


class ProbedApplication(Protocol):
    """What the probe looks at of the server."""

    @property
    def sessions(self) -> _Sessions:
        """The session manager."""
        ...

    @property
    def websockets(self) -> _Counted:
        """The WebSockets."""
        ...

    @property
    def webrtc(self) -> _Counted:
        """The peer connections."""
        ...


@dataclass(frozen=True)
class ServerCounts:
    """What is there of a server at one moment.

    Attributes:
        tasks: What each task of the event loop runs, sorted; the probe's own left out.
        threads: The names of Python's threads, sorted.
        native_threads: All threads, those of libraries too.
        children: What each child process runs, sorted.
        open_files: Open file descriptors, sockets and pipes among them.
        resident_bytes: Memory of the process that is in use.
        children_bytes: The same of all its child processes together.
        sessions: Sessions that are not over.
        websockets: Open WebSockets.
        peers: Open peer connections.
    """

    tasks: tuple[str, ...]
    threads: tuple[str, ...]
    native_threads: int
    children: tuple[str, ...]
    open_files: int
    resident_bytes: int
    children_bytes: int
    sessions: int
    websockets: int
    peers: int

    @property
    def connections(self) -> int:
        """Sessions that are not over or connections, whichever are more; 0 when it is idle."""
        return max(self.sessions, self.websockets + self.peers)


class ServerProbe:
    """Answers while it is entered."""

    def __init__(self) -> None:
        self.application: ProbedApplication | None = None
        self._watchdog: LoopWatchdog | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen, and tell the port on standard error."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        print(f"{PROBE_ANNOUNCEMENT}{port}", file=sys.stderr, flush=True)  # noqa: T201
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            task.set_name(_TASK_NAME)
        try:
            command = (await reader.readline()).decode().strip()
            answer = self._answer(command)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, command: str) -> Mapping[str, Any]:
        match command:
            case "count":
                return asdict(self._count())
            case "watch":
                self._watchdog = LoopWatchdog()
                self._watchdog.start()
                return {}
            case "held" if self._watchdog is not None:
                watchdog, self._watchdog = self._watchdog, None
                return asdict(watchdog.stop())
            case _:
                raise ValueError(f"the probe does not know {command!r} now")

    def _count(self) -> ServerCounts:
        app = self.application
        assert app is not None, "the server is not built yet"
        process = psutil.Process()
        children = process.children(recursive=True)
        tasks = [task for task in asyncio.all_tasks() if task.get_name() != _TASK_NAME]
        return ServerCounts(
            tasks=tuple(sorted(map(_what, tasks))),
            threads=tuple(sorted(thread.name for thread in threading.enumerate())),
            native_threads=process.num_threads(),
            children=tuple(sorted(" ".join(child.cmdline()) for child in children)),
            open_files=process.num_fds(),
            resident_bytes=process.memory_info().rss,
            children_bytes=sum(child.memory_info().rss for child in children),
            sessions=app.sessions.live_count,
            websockets=app.websockets.open_count,
            peers=app.webrtc.open_count,
        )


class ProbeClient:
    """Asks the probe that listens on `port`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def count(self) -> ServerCounts:
        """Return what is there of the server."""
        answer = await self._ask("count")
        for name in ("tasks", "threads", "children"):
            answer[name] = tuple(answer[name])
        return ServerCounts(**answer)

    async def watch(self) -> None:
        """Begin to watch the server's event loop."""
        await self._ask("watch")

    async def held(self) -> HoldReport:
        """Stop watching, and return how long the loop was held meanwhile."""
        answer = await self._ask("held")
        holds = tuple(Hold(**{**hold, "stack": tuple(hold["stack"])}) for hold in answer["holds"])
        return HoldReport(**{**answer, "holds": holds})

    async def _ask(self, command: str) -> dict[str, Any]:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=_ANSWER_LIMIT
            )
            try:
                writer.write(command.encode() + b"\n")
                answer: dict[str, Any] = json.loads(await reader.readline())
                return answer
            finally:
                writer.close()
                await writer.wait_closed()


def _what(task: "asyncio.Task[Any]") -> str:
    name = getattr(task.get_coro(), "__qualname__", "")
    return f"{name} ({task.get_name()})"
