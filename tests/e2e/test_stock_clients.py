"""The official clients as npm brings them hold a conversation, by the flow of their manuals.

They do so on a site of their own, as a customer's page would: another origin than the server's.
"""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from build_console import SOURCE, find_node
from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from voice_agent.testing.running_server import RunningServer, serving


@pytest.fixture(scope="module")
def stock_site(built_console: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of a site with a page that has nothing but the official client."""
    folder = tmp_path_factory.mktemp("stock")
    node = find_node()
    node.run(
        "vite build of the page with the stock clients",
        "see console/stock/",
        *(str(node.program), str(SOURCE / "node_modules" / "vite" / "bin" / "vite.js")),
        *("build", "--config", "stock/vite.config.ts", "--outDir", str(folder)),
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, directory=folder)) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://localhost:{site.server_port}"
        site.shutdown()
        thread.join()


class Site(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        """Write nothing."""


@pytest.fixture(scope="module")
def open_server(
    stock_site: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that lets pages of that site in."""
    allowed = {"VOICE_AGENT_ALLOWED_ORIGINS": stock_site}
    with serving(tmp_path_factory.mktemp("open-server"), environment=allowed) as running:
        yield running


@pytest.mark.parametrize("transport", ["webrtc", "websocket"])
def test_an_unmodified_client_holds_a_conversation(
    chromium: Chromium,
    open_server: RunningServer,
    speech: Speech,
    stock_site: str,
    transport: str,
) -> None:
    question = speech("What are your opening hours on Saturday?", before_s=8, after_s=30)
    page = open_page(chromium.with_microphone(question))
    caller = Caller(page, open_server.url)
    page.goto(f"{stock_site}/?transport={transport}&endpoint={open_server.url}/start")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state[data-bot=ready]")).to_have_text("ready", timeout=20_000)
    said = page.locator("#said")
    greeting = said.locator("[data-who=bot]", has_text="this is the front desk")
    expect(greeting).to_be_visible(timeout=15_000)
    caller.hears_silence()
    greeted = caller.now()
    answer = said.locator("[data-who=bot]", has_text="from nine to six")
    expect(answer).to_be_visible(timeout=20_000)
    assert caller.energy_since(greeted) > 0
    expect(said.locator("[data-who=user]")).to_contain_text("Saturday", ignore_case=True)
    expect(said.locator("[data-who=error]")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("disconnected")
