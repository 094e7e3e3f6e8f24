"""The API is what its description says, for requests that nobody thought of."""

import subprocess
import sys
from pathlib import Path

import pytest

from voice_agent.testing.running_server import serving

pytestmark = pytest.mark.real_time

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EXAMPLES = 12
"""For each operation, beside those that cover its limits one by one."""
ENDLESS = "events$"
"""What answers for as long as a session lasts: it has tests of its own."""


def test_no_request_breaks_the_server(tmp_path: Path) -> None:
    environment = {"VOICE_AGENT_MAX_SESSIONS": "10000", "VOICE_AGENT_LOG_FORMAT": "json"}
    # It would sign itself up, where a description has users and credentials: nobody asks for any.
    (tmp_path / "schemathesis.toml").write_text("[auth]\nauto-signup = false\n")
    with serving(tmp_path, environment=environment) as server:
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run"),
                f"{server.url.rstrip('/')}/openapi.json",
                *("--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS)),
                *("--max-examples", str(EXAMPLES), "--request-timeout", "20", "--no-color"),
                *("--exclude-path-regex", ENDLESS),
                *("--generation-database", "none", "--suppress-health-check", "all"),
            ],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        errors = [record for record in server.records() if record["level"] == "ERROR"]
        assert errors == []
