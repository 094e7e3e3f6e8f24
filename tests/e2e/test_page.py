"""That everybody can use the page: by keyboard, on a phone, without anything from elsewhere."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.caller import Caller
from tests.e2e.chromium import Chromium, open_page
from voice_agent.testing.running_server import RunningServer


def test_a_whole_call_can_be_made_with_the_keyboard(caller: Caller) -> None:
    caller.open("websocket")
    page = caller.page
    press_until_focused(page, "Talk")
    page.keyboard.press("Enter")
    caller.is_connected()
    press_until_focused(page, "Hang up")
    page.keyboard.press("Enter")
    expect(caller.talk).to_be_visible()


def test_a_suggestion_asks_itself(caller: Caller) -> None:
    caller.open()
    caller.page.get_by_role("button", name="What are your opening hours on Saturday?").click()
    caller.sees("from nine to six")


@pytest.mark.parametrize("size", [(320, 568), (360, 640), (390, 844), (844, 390)])
def test_nothing_is_cut_off_on_a_phone(
    chromium: Chromium, server: RunningServer, size: tuple[int, int]
) -> None:
    width, height = size
    options = {"viewport": {"width": width, "height": height}, "has_touch": True}
    caller = Caller(open_page(chromium.start(), **options), server.url)
    caller.open("websocket")
    fits(caller.page)
    caller.type("Where can I park?")
    caller.sees("garage under the house")
    fits(caller.page)
    expect(caller.page.get_by_role("button", name="Hang up")).to_be_in_viewport(ratio=1)
    expect(caller.page.get_by_role("textbox")).to_be_in_viewport(ratio=1)


def test_the_page_asks_nobody_but_its_own_server(chromium: Chromium, server: RunningServer) -> None:
    page = open_page(chromium.start())
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    caller = Caller(page, server.url)
    caller.open("websocket")
    caller.type("Where can I park?")
    caller.sees("garage under the house")
    own = urlsplit(server.url).netloc
    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {own}
    assert not [line for line in complaints if "Content Security Policy" in line]


def press_until_focused(page: Page, name: str) -> None:
    """Press Tab until the button of that name has the focus."""
    button = page.get_by_role("button", name=name, exact=True)
    for _ in range(20):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never comes to {name}")


def fits(page: Page) -> None:
    """Check that nothing needs scrolling sideways."""
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
