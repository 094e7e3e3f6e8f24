"""Servers that tests start as processes of their own, on ports that nobody has."""

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

START_TIMEOUT_S = 30.0
STEP_S = 0.05


def free_port() -> int:
    """Return a port of the loopback address that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """Return where a program that is no Python package is; without it the test is left out.

    Debian keeps PostgreSQL's programs out of the path, and other servers out of most users'. CI
    leaves no test out.
    """
    postgresql = map(str, Path("/usr/lib/postgresql").glob("*/bin"))
    places = [os.environ.get("PATH", ""), "/usr/sbin", *postgresql]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        message = f"{name} is not installed; ./scripts/dev.sh test installs it where it may"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def stop_child(pid: int) -> None:
    """Make a child stand still, and return once it does.

    Of a process with several threads one gets the signal; until it runs, the others go on.
    """
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)


def await_connection(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(STEP_S)
        else:
            return
    pytest.fail(f"the server on port {port} did not come up")


@contextmanager
def running(
    command: Sequence[str], port: int, *, end: signal.Signals = signal.SIGTERM, **options: object
) -> Iterator[None]:
    """Run a server while it is needed; `end` is what it is asked to stop with."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,  # type: ignore[call-overload]
    )
    try:
        await_connection(port, process)
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(START_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()


class EndableServer(ABC):
    """A server that a test may end and start again, with what it had; `command` is its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return what to run; it listens on `port`, and keeps what it keeps in `_folder`."""

    @property
    def log(self) -> str:
        """What it has written."""
        return (self._folder / "log").read_text()

    def start(self) -> None:
        """Start it."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        await_connection(self.port, self._process)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
