"""The pytest plugin, with pytest-asyncio 1.4 or later.

Put `pytest_plugins = ["voice_agent.testing.fixtures"]` into the topmost conftest.py. Two marks come
with it:

- `@pytest.mark.virtual_time`: the test runs on a virtual clock, see `virtual_time`.
- `@pytest.mark.loop_held_at_most(seconds)`: the test fails when a callback holds the event loop
  longer than that, in real time, see `loop_watch`.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping

import pytest

from voice_agent.testing.loop_watch import EventLoopWatch
from voice_agent.testing.virtual_time import VirtualTimeLoop

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known."""
    config.addinivalue_line("markers", "virtual_time: run this test on a virtual clock")
    config.addinivalue_line(
        "markers",
        "loop_held_at_most(seconds): fail when a callback holds the event loop longer than that",
    )


@pytest.hookimpl(wrapper=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook's signature
    item: pytest.Item,
) -> Generator[None, LoopFactories | None, LoopFactories]:
    """Choose the event loop of each test."""
    chosen = yield
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return chosen or {"default": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _event_loop_watch(request: pytest.FixtureRequest) -> Iterator[None]:
    mark = request.node.get_closest_marker("loop_held_at_most")
    if mark is None:
        yield
        return
    with EventLoopWatch(*mark.args, **mark.kwargs):
        yield
