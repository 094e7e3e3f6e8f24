"""The servers that are compared, and the providers that both use."""

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from voice_agent.bench.load.processes import Cores, StartedProcess, started
from voice_agent.bench.load.providers import GREETING

_MAX_SESSIONS: Final = "1000"
_AGENT: Final = """\
id: bench
name: Bench
instructions: You are friendly and brief.
"""


class ServerName(StrEnum):
    """Whom to measure."""

    OURS = "ours"
    PLAIN = "plain"

    @property
    def label(self) -> str:
        """Its name in tables and charts."""
        return "voice-agent" if self is ServerName.OURS else "plain Pipecat"


@contextlib.contextmanager
def fake_providers(cores: Cores, folder: Path) -> Iterator[StartedProcess]:
    """Run the providers; their `url` is the base URL of all three stages."""
    command = ["-m", "voice_agent.bench.load.providers"]
    with started(command, cores=cores.others, folder=folder) as process:
        yield process


@contextlib.contextmanager
def echo(cores: Cores, folder: Path) -> Iterator[StartedProcess]:
    """Run the bare connections that only echo, on the core of the servers."""
    command = ["-m", "voice_agent.bench.load.echo_server"]
    with started(command, cores=cores.server, folder=folder) as process:
        yield process


@contextlib.contextmanager
def server(
    name: ServerName, base_url: str, cores: Cores, folder: Path, *, greeting: str = GREETING
) -> Iterator[StartedProcess]:
    """Run a server on its core, with the providers at `base_url`; it begins with `greeting`.

    Raises:
        StartFailedError: It does not come up.
    """
    running = _ours if name is ServerName.OURS else _plain
    with running(base_url, cores, folder, greeting) as process:
        yield process


@contextlib.contextmanager
def several_processes(base_url: str, folder: Path, processes: int) -> Iterator[StartedProcess]:
    """Run our server with so many processes, on all cores.

    Raises:
        StartFailedError: It does not come up.
    """
    with _ours(base_url, Cores(), folder, GREETING, "--workers", str(processes)) as process:
        yield process


@contextlib.contextmanager
def _plain(base_url: str, cores: Cores, folder: Path, greeting: str) -> Iterator[StartedProcess]:
    command = ["-m", "voice_agent.bench.load.plain_pipecat", base_url, greeting]
    with started(command, cores=cores.server, folder=folder) as process:
        yield process


@contextlib.contextmanager
def _ours(
    base_url: str, cores: Cores, folder: Path, greeting: str, *more: str
) -> Iterator[StartedProcess]:
    agents = folder / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "bench.yaml").write_text(_AGENT + (f"greeting: {greeting}\n" if greeting else ""))
    environment = {
        "VOICE_AGENT_AGENTS_DIR": str(agents),
        "VOICE_AGENT_DEFAULT_AGENT": "bench",
        "VOICE_AGENT_DATA_DIR": str(folder / "data"),
        "VOICE_AGENT_MAX_SESSIONS": _MAX_SESSIONS,
        "VOICE_AGENT_LOG_LEVEL": "WARNING",
    }
    for stage, model in (("STT", "whisper-1"), ("LLM", "test"), ("TTS", "tts-1")):
        environment[f"VOICE_AGENT_{stage}_PROVIDER"] = "openai"
        environment[f"VOICE_AGENT_{stage}_BASE_URL"] = base_url
        environment[f"VOICE_AGENT_{stage}_MODEL"] = model
    command = ["-m", "voice_agent", "serve", "--host", "127.0.0.1", "--port", "0", *more]
    with started(command, cores=cores.server, folder=folder, environment=environment) as process:
        yield process
