"""Adds to the wheel what lies outside the package: the shipped agents and the built console."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedFiles(BuildHookInterface):  # type: ignore[misc]  # hatchling is not in the environment
    """Refuses to build a distribution without its console."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the agents to a wheel; an editable installation finds both in the checkout.

        Raises:
            FileNotFoundError: When the console has not been built.
        """
        if version == "editable":
            return
        console = Path(self.root, "src", "voice_agent", "console", "index.html")
        if not console.is_file():
            message = "The console is not built: run ./scripts/dev.sh setup before the build"
            raise FileNotFoundError(message)
        if self.target_name == "wheel":
            build_data["force_include"]["agents"] = "voice_agent/agents"
