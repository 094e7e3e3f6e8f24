"""`voice-agent serve` as a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20

_READY = re.compile(r"ready: open (https?://\S+)")


@dataclass
class RunningServer:
    """A server that takes calls."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)
    """What it has written so far."""

    @property
    def log(self) -> str:
        """All that it has written, for a failing test's message."""
        return "".join(self.lines)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)


@contextlib.contextmanager
def serving(data_dir: Path, *options: str) -> Iterator[RunningServer]:
    """Start a server on any free port of this machine; stop it when the block ends.

    Args:
        data_dir: Where it keeps its key.
        options: More options of `voice-agent serve`.
    """
    command = [
        *(sys.executable, "-m", "voice_agent", "serve", "--port", "0"),
        *("--data-dir", str(data_dir), "--log-level", "INFO", *options),
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("VOICE_AGENT_")
    }
    process = subprocess.Popen(
        command,
        cwd=data_dir,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = RunningServer(process)
    is_ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            server.lines.append(line)
            if not server.url and (found := _READY.search(line)):
                server.url = found[1]
                is_ready.set()
        is_ready.set()

    reader = threading.Thread(target=read, name="server output")
    reader.start()
    try:
        is_ready.wait(START_TIMEOUT_S)
        assert server.url, f"the server did not come up:\n{server.log}"
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
