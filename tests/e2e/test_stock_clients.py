"""The official clients as npm brings them hold a conversation, by the flow of their manuals."""

import mimetypes
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from build_console import SOURCE, find_node
from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from voice_agent.testing.running_server import RunningServer


@pytest.fixture(scope="module")
def stock_page(built_console: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a page that has nothing but the official client and its transports."""
    folder = tmp_path_factory.mktemp("stock")
    find_node().run(
        "vite build of the page with the stock clients",
        "see console/stock/",
        *(str(find_node().program), str(SOURCE / "node_modules" / "vite" / "bin" / "vite.js")),
        *("build", "--config", "stock/vite.config.ts", "--outDir", str(folder)),
    )
    return folder


@pytest.mark.parametrize("transport", ["webrtc", "websocket"])
def test_an_unmodified_client_holds_a_conversation(
    chromium: Chromium, server: RunningServer, speech: Speech, stock_page: Path, transport: str
) -> None:
    question = speech("What are your opening hours on Saturday?", before_s=8, after_s=30)
    page = open_page(chromium.with_microphone(question))

    def serve_file(route: Route) -> None:
        name = route.request.url.split("?")[0].partition("/stock/")[2] or "index.html"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        route.fulfill(path=stock_page / name, content_type=kind)

    page.route("**/stock/**", serve_file)
    caller = Caller(page, server.url)
    page.goto(f"{server.url.rstrip('/')}/stock/?transport={transport}")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state[data-bot=ready]")).to_have_text("ready", timeout=20_000)
    said = page.locator("#said")
    expect(said.locator("[data-who=bot]").first).to_contain_text("How can I help", timeout=15_000)
    caller.hears_silence()
    greeted = caller.now()
    answer = said.locator("[data-who=bot]", has_text="from nine to six")
    expect(answer).to_be_visible(timeout=20_000)
    assert caller.energy_since(greeted) > 0
    expect(said.locator("[data-who=user]")).to_contain_text("Saturday", ignore_case=True)
    expect(said.locator("[data-who=error]")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("disconnected")
