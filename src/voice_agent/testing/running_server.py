"""`voice-agent serve` as a process of its own, for tests and measurements of the real thing.

with serving(folder, environment={"VOICE_AGENT_MAX_SESSIONS": "5"}) as server:
...  # use server.url, read server.lines
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voice_agent.testing.server_probe import PROBE_ANNOUNCEMENT, ProbeClient

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20

_READY = re.compile(r"ready: open (https?://\S+)")


@dataclass
class RunningServer:
    """A server that takes calls."""

    process: "subprocess.Popen[str]"
    url: str = ""
    lines: list[str] = field(default_factory=list)
    """What it has written so far."""
    probe_port: int = 0
    """Where its probe listens, when it was started with one."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def log(self) -> str:
        """All that it has written, for a failing test's message."""
        return "".join(self.lines)

    @property
    def port(self) -> int:
        """The port of its address."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    @property
    def probe(self) -> ProbeClient:
        """What looks into it; only with `probed`."""
        assert self.probe_port, "the server was started without a probe"
        return ProbeClient(self.probe_port)

    def records(self, session_id: str | None = None) -> list[dict[str, Any]]:
        """Return its log as records, of one session if asked; only with `--log-format json`."""
        records = [json.loads(line) for line in self.lines if line.startswith("{")]
        if session_id is None:
            return records
        return [record for record in records if record.get("session_id") == session_id]

    def wait_for_log(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        """Return when `condition`, asked whenever the server has written a line, holds.

        Raises:
            AssertionError: It did not hold in time; the message has what was written.
        """
        with self._changed:
            if not self._changed.wait_for(condition, within_s):
                raise AssertionError(f"waited {within_s:g} s for {what}; the log:\n{self.log}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Tell it to stop, wait until it has, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def read(self) -> None:
        """Take in what it writes, until it has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                if not self.url and (found := _READY.search(line)):
                    self.url = found[1]
                if line.startswith(PROBE_ANNOUNCEMENT):
                    self.probe_port = int(line.removeprefix(PROBE_ANNOUNCEMENT))
                self._changed.notify_all()

    def wait_ready(self) -> None:
        """Return when it takes calls.

        Raises:
            AssertionError: It does not come up; the message has what it wrote.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        with self._changed:
            while not self.url and self.process.poll() is None and time.monotonic() < deadline:
                self._changed.wait(0.2)
        assert self.url, f"the server did not come up:\n{self.log}"


@contextlib.contextmanager
def serving(
    data_dir: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    probed: bool = False,
) -> Iterator[RunningServer]:
    """Start a server on any free port of this machine; stop it when the block ends.

    Args:
        data_dir: Where it keeps its key, and its working directory.
        options: More options of `voice-agent serve`.
        environment: Settings beside them. Those of this process's environment do not count.
        probed: Whether it can be looked into, with `RunningServer.probe`.

    Raises:
        AssertionError: It does not come up; the message has what it wrote.
    """
    module = "voice_agent.testing.probed_server" if probed else "voice_agent"
    command = [
        *(sys.executable, "-m", module, "serve", "--port", "0"),
        *("--data-dir", str(data_dir), "--log-level", "INFO", *options),
    ]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("VOICE_AGENT_")
    }
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        cwd=data_dir,
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = RunningServer(process)
    reader = threading.Thread(target=server.read, name="server output")
    reader.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()
