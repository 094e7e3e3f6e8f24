"""What page and client decide without a browser: their own unit tests, and their types."""

from pathlib import Path

import pytest

from build_console import CLIENT, SOURCE, find_node


@pytest.mark.parametrize("folder", [SOURCE, CLIENT], ids=["console", "client"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("vitest/vitest.mjs", "run"), id="unit tests"),
        pytest.param(("typescript/bin/tsc", "--noEmit"), id="types"),
    ],
)
def test_their_own_checks_pass(built_console: Path, folder: Path, command: tuple[str, ...]) -> None:
    node = find_node()
    program, *arguments = command
    path = str(folder / "node_modules" / program)
    node.run(program, f"see {folder}", str(node.program), path, *arguments, folder=folder)
