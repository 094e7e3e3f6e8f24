"""What all tests share."""

import os

# Pipecat logs hundreds of lines a call; loguru reads this when it is imported.
os.environ.setdefault("LOGURU_LEVEL", "INFO")

pytest_plugins = ["voice_agent.testing.fixtures", "tests.databases", "tests.turn_servers"]
