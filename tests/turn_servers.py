"""A real TURN server for tests, on loopback, with throw-away data."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.programs import await_connection, free_port, program

SECRET = "the-word-that-both-know"


class TurnProcess:
    """A coturn that a test may end and start again.

    Args:
        folder: Where it keeps what it keeps.
        options: More of its options.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, transport: str = "udp") -> str:
        """Return its address, reached over that transport."""
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def environment(self, transport: str = "udp", **more: str) -> Mapping[str, str]:
        """Return the settings of a server that uses it, and `more` without their prefix."""
        settings = {"TURN_URLS": self.url(transport), "TURN_SECRET": SECRET, **more}
        return {f"VOICE_AGENT_{name}": value for name, value in settings.items()}

    @property
    def log(self) -> str:
        """What it has written."""
        return (self._folder / "log").read_text()

    def start(self) -> None:
        """Start it."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(program("turnserver"), "-n", "--listening-ip", "127.0.0.1"),
                    *("--listening-port", str(self.port), "--relay-ip", "127.0.0.1"),
                    *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=tests"),
                    *("--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls"),
                    *("--userdb", str(self._folder / "db"), "--relay-threads", "1"),
                    *("--pidfile", str(self._folder / "pid"), "--log-file", "stdout"),
                    *("--simple-log", "--verbose", *self._options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        await_connection(self.port, self._process)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _started(folder: Path) -> Iterator[TurnProcess]:
    server = TurnProcess(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def turn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnProcess]:
    """A TURN server that all tests share."""
    yield from _started(tmp_path_factory.mktemp("turn"))


@pytest.fixture
def mortal_turn_server(tmp_path: Path) -> Iterator[TurnProcess]:
    """A TURN server of this test alone, which may end it."""
    folder = tmp_path / "turn"
    folder.mkdir()
    yield from _started(folder)
