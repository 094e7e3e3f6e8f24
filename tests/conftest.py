"""What all tests share."""

pytest_plugins = ["voice_agent.testing.fixtures", "tests.taking_turns"]
