"""What a benchmark starts: processes, on Linux each on its core, and ended for certain."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voice_agent.bench.load.interrupts import INTERRUPTS

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_READY = re.compile(r"ready: (?:open )?(http://\S+)")
_LOG_LINES = 60


class StartFailedError(RuntimeError):
    """A process of the benchmark did not come up; the message has what it wrote."""


class EndedTooSoonError(RuntimeError):
    """A process of the benchmark ended while it was needed; the message has what it wrote."""


@dataclass(frozen=True)
class Cores:
    """Who runs where.

    Attributes:
        server: The cores of the server that is measured: one, or empty when nothing is pinned.
        others: The cores of everything else.
    """

    server: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()

    @property
    def pinned(self) -> bool:
        """Whether the server has a core to itself."""
        return bool(self.server)

    def __str__(self) -> str:
        """Return what the table says of it."""
        if not self.pinned:
            return "not pinned: servers, providers and load share the cores"
        return f"server on core {min(self.server)}, providers and load on the other cores"


def share_out(available: frozenset[int]) -> Cores:
    """Return one core for the server and the rest for the others; none when there is only one."""
    if len(available) < 2:
        return Cores()
    server = max(available)
    return Cores(frozenset([server]), available - {server})


def available_cores() -> frozenset[int]:
    """Return the cores that this process may use; none where they cannot be chosen."""
    if sys.platform != "linux":
        return frozenset()
    return frozenset(os.sched_getaffinity(0))


@contextlib.contextmanager
def running_on(cores: frozenset[int]) -> Iterator[None]:
    """Keep this thread, and what it starts meanwhile, on `cores`; on any when there are none."""
    if not cores or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class StartedProcess:
    """A process that is up.

    Attributes:
        name: What to call it in messages.
        process: The process; it leads a group of its own.
        url: Where it listens.
        lines: The end of what it has written.
    """

    name: str
    process: "subprocess.Popen[str]"
    url: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))
    _up: threading.Event = field(default_factory=threading.Event)
    _reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    def read_in_background(self) -> None:
        """Begin to take in what it writes."""
        self._reader = threading.Thread(target=self._read, name=f"output of {self.name}")
        self._reader.daemon = True
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if not self.url and (found := _READY.search(line)):
                self.url = found[1].rstrip("/")
                self._up.set()
        self._up.set()

    def wait_ready(self) -> None:
        """Return when it has told its address.

        Raises:
            StartFailedError: It ended, or said nothing in time.
        """
        self._up.wait(START_TIMEOUT_S)
        if not self.url:
            raise StartFailedError(f"{self.name} did not come up:\n{''.join(self.lines)}")

    def end(self) -> None:
        """End it and all that it started: politely, then by force."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        # Its group outlives it when one of its children does.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)
        if self._reader is not None:
            self._reader.join(STOP_TIMEOUT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def started(
    command: Sequence[str],
    *,
    cores: frozenset[int],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[StartedProcess]:
    """Run Python with `command` on `cores` in `folder` until the block ends.

    It must write a line `ready: http://...` when it is up. Settings of this project in the
    environment of this process do not count.

    Raises:
        StartFailedError: It does not come up.
        EndedTooSoonError: The block failed, and the process had ended by itself.
    """
    running: StartedProcess | None = None
    try:
        # A child inherits the cores of the thread that starts it, from its first instruction on.
        with INTERRUPTS.held_off(), running_on(cores):
            running = StartedProcess(" ".join(command), _process(command, folder, environment))
        running.read_in_background()
        running.wait_ready()
        yield running
    except Exception as error:
        if running is not None and running.url and running.process.poll() is not None:
            written = "".join(running.lines)
            raise EndedTooSoonError(f"{running.name} ended by itself:\n{written}") from error
        raise
    finally:
        if running is not None:
            running.end()


def _process(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None
) -> "subprocess.Popen[str]":
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("VOICE_AGENT_")
    }
    return subprocess.Popen(  # noqa: S603 - our own commands
        [sys.executable, *command],
        cwd=folder,
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own: Ctrl-C reaches the benchmark only, which ends it in order.
        start_new_session=True,
    )
