"""The example site whose own backend makes the sessions: it talks, and no key reaches a browser."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from build_console import ROOT, find_node
from tests.e2e.caller import Caller
from tests.programs import free_port
from voice_agent.testing.running_server import serving

EXAMPLE = ROOT / "examples" / "web-backend" / "server.mjs"
STOP_TIMEOUT_S = 10

pytestmark = pytest.mark.real_time


@contextlib.contextmanager
def serving_example(port: int, server: str, key: str) -> Iterator[str]:
    """Run the example's backend on `port` until the block ends; yield its address."""
    settings = {"PORT": str(port), "VOICE_AGENT_URL": server, "VOICE_AGENT_KEY": key}
    process = subprocess.Popen(
        [find_node().program, EXAMPLE],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().removeprefix("open ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=STOP_TIMEOUT_S)


def make_key(settings: dict[str, str], folder: Path) -> str:
    """Return a new secret key that may start sessions."""
    wish = ("--name", "site", "--scope", "sessions:create")
    return subprocess.run(
        [sys.executable, "-m", "voice_agent", "keys", "create", *wish],
        env=os.environ | settings,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_visitor_talks_without_any_key(page: Page, built_console: Path, tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "VOICE_AGENT_AUTH": "required",
        "VOICE_AGENT_DATA_DIR": str(tmp_path),
        "VOICE_AGENT_ALLOWED_ORIGINS": f"http://localhost:{port}",
    }
    key = make_key(settings, tmp_path)
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    page.add_init_script("ears.useMouth()")
    with (
        serving(tmp_path, environment=settings) as server,
        serving_example(port, server.url, key) as url,
    ):
        page.goto(url)
        with page.expect_response("**/session") as made:
            page.get_by_role("button", name="Talk to us").click()
        assert made.value.status == 201
        expect(page.get_by_role("status")).to_have_text("Speaking", timeout=20_000)
        Caller(page, url).hears_speech()
        assert key.startswith("vak_secret_")
        shown = [one for one in answers if one.status == 200 or one == made.value]
        assert len(shown) >= 3
        assert not any(key in one.text() for one in shown)
        with page.expect_response(lambda one: one.request.method == "DELETE") as ended:
            page.get_by_role("button", name="Hang up").click()
        assert ended.value.status == 204
