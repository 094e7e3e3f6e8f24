"""A process may have as many open files as it is allowed to ask for."""

import resource
from collections.abc import Iterator

import pytest

from voice_agent.cluster.open_files import allow_open_files


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    """Put the limits of the test's process back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_low_limit_is_raised_as_far_as_that_goes(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    assert allow_open_files(700) == 700
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (700, hard)
    assert allow_open_files(600) == 700, "it is never lowered"
