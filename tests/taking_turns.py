"""Lets a test that measures time have the machine to itself, while the others run in parallel.

Marked `alone`, or with `loop_held_at_most`, it waits until no test of another worker is running,
and none begins before it is over.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "alone: no other test runs at the same time")


@pytest.fixture(scope="session")
def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the one folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-gw") else own


@pytest.fixture(autouse=True)
def _take_turns(request: pytest.FixtureRequest, _shared_folder: Path) -> Iterator[None]:
    marks = ("alone", "loop_held_at_most")
    alone = any(request.node.get_closest_marker(mark) for mark in marks)
    with (_shared_folder / "gate").open("w") as gate, (_shared_folder / "turn").open("w") as turn:
        # Who waits for the machine holds the gate, so that the others' next tests wait behind it.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
