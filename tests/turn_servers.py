"""A real TURN server for tests, on loopback, with throw-away data."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.programs import EndableServer, program

SECRET = "the-word-that-both-know"


class TurnProcess(EndableServer):
    """A coturn that a test may end and start again.

    Args:
        folder: Where it keeps what it keeps.
        options: More of its options.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._options = options

    def url(self, transport: str = "udp") -> str:
        """Return its address, reached over that transport."""
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def environment(self, transport: str = "udp", **more: str) -> Mapping[str, str]:
        """Return the settings of a server that uses it, and `more` without their prefix."""
        settings = {"TURN_URLS": self.url(transport), "TURN_SECRET": SECRET, **more}
        return {f"VOICE_AGENT_{name}": value for name, value in settings.items()}

    def command(self) -> Sequence[str]:
        """Return what to run."""
        return [
            *(program("turnserver"), "-n", "--listening-ip", "127.0.0.1"),
            *("--listening-port", str(self.port), "--relay-ip", "127.0.0.1"),
            *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=tests"),
            *("--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls"),
            *("--userdb", str(self._folder / "db"), "--relay-threads", "1"),
            *("--pidfile", str(self._folder / "pid"), "--log-file", "stdout"),
            *("--simple-log", "--verbose", *self._options),
        ]


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
