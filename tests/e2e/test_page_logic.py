"""What the page decides without a browser: its own unit tests, and its types."""

from pathlib import Path

import pytest

from build_console import SOURCE, find_node

MODULES = SOURCE / "node_modules"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("vitest/vitest.mjs", "run"), id="unit tests"),
        pytest.param(("typescript/bin/tsc", "--noEmit"), id="types"),
    ],
)
def test_the_page_s_own_checks_pass(built_console: Path, command: tuple[str, ...]) -> None:
    node = find_node()
    program, *arguments = command
    node.run(program, "see console/", str(node.program), str(MODULES / program), *arguments)
