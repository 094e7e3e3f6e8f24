"""The official clients as npm brings them hold a conversation, by the flow of their manuals.

They do so on a site of their own, as a customer's page would: another origin than the server's.
"""

import pytest
from playwright.sync_api import expect

from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.stock_site import StockSite
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.real_time  # speech in real time, in and out


@pytest.fixture(scope="module")
def stock_page(stock_site: StockSite) -> str:
    """The address of a page that has nothing but the official client and its transports."""
    stock_site.build()
    return f"{stock_site.origin}/"


@pytest.mark.parametrize("transport", ["webrtc", "websocket"])
def test_an_unmodified_client_holds_a_conversation(
    chromium: Chromium, server: RunningServer, speech: Speech, stock_page: str, transport: str
) -> None:
    question = speech("What are your opening hours on Saturday?", before_s=8, after_s=30)
    page = open_page(chromium.with_microphone(question))
    caller = Caller(page, server.url)
    page.goto(f"{stock_page}?transport={transport}&endpoint={server.url}/start")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#state[data-bot=ready]")).to_have_text("ready", timeout=20_000)
    said = page.locator("#said")
    greeting = said.locator("[data-who=bot]", has_text="this is the front desk")
    expect(greeting).to_be_visible(timeout=15_000)
    caller.hears_silence()
    greeted = caller.now()
    heard = said.locator("[data-who=user]").first
    expect(heard).to_contain_text("opening", ignore_case=True, timeout=20_000)
    # What it answers is the recogniser's affair: it hears this client's resampled voice worse.
    answer = said.locator("[data-who=user] ~ [data-who=bot]").first
    expect(answer).to_be_visible(timeout=20_000)
    assert caller.energy_since(greeted) > 0
    expect(said.locator("[data-who=error]")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("disconnected")
