"""The talk button that one line puts on any page, here on a site of another origin."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.caller import Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.stock_site import StockSite
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.real_time

PAGE = """<!doctype html>
<html lang="en"><title>A shop</title>
<style>button, p { display: none !important }</style>
<h1>A shop</h1>
<script src="SERVER/embed.js" data-agent="frontdesk" data-label="Ask us"></script>
"""


@pytest.fixture
def shop(chromium: Chromium, server: RunningServer, stock_site: StockSite) -> Page:
    """A page with the button, that has a microphone."""
    (stock_site.folder / "shop.html").write_text(PAGE.replace("SERVER", server.url.rstrip("/")))
    page = open_page(chromium.start())
    page.add_init_script("ears.useMouth()")
    page.goto(f"{stock_site.origin}/shop.html")
    return page


def test_the_button_calls_by_keyboard_and_hangs_up(shop: Page, server: RunningServer) -> None:
    # The page hides its own buttons; this one is not its own.
    talk = shop.get_by_role("button", name="Ask us")
    expect(talk).to_be_visible()
    shop.keyboard.press("Tab")
    expect(talk).to_be_focused()
    shop.keyboard.press("Enter")
    status = shop.get_by_role("status")
    expect(status).to_have_text("Speaking", timeout=20_000)
    Caller(shop, server.url).hears_speech()
    mute = shop.get_by_role("button", name="Mute")
    mute.click()
    expect(shop.get_by_role("button", name="Unmute", pressed=True)).to_be_visible()
    shop.get_by_role("button", name="Hang up").click()
    expect(talk).to_be_visible()
    expect(status).to_have_count(0)


def test_the_button_says_what_is_in_the_way(shop: Page) -> None:
    shop.route("**/v1/sessions", lambda route: route.abort())
    shop.get_by_role("button", name="Ask us").click()
    expect(shop.get_by_role("alert")).to_contain_text("The server does not answer")
    expect(shop.get_by_role("button", name="Ask us")).to_be_visible()
