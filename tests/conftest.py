"""What all tests share."""

import os
from collections.abc import Iterator

import pytest

# Pipecat logs hundreds of lines a call; loguru reads this when it is imported.
os.environ.setdefault("LOGURU_LEVEL", "INFO")

pytest_plugins = ["voice_agent.testing.fixtures", "tests.databases", "tests.turn_servers"]


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as a warning or worse: messages, each with its traceback if it has one."""
    from loguru import logger

    lines: list[str] = []
    logger.enable("voice_agent")  # a test of the command may have silenced parts of it
    sink = logger.add(
        lambda line: lines.append(str(line).rstrip()), level="WARNING", format="{message}"
    )
    yield lines
    logger.remove(sink)
