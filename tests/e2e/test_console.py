"""The console's pages, as an operator walks through them; one browser for all tests."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from build_console import SOURCE
from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.real_time  # one call is spoken, in real time

AGENT: dict[str, Any] = {
    "id": "reception",
    "name": "Reception",
    "greeting": "Good morning.",
    "knowledge": [
        {"questions": ["Are you open on Friday?"], "answer": "Yes, until noon."},
        {"questions": ["Where can I park?"], "answer": "There is a garage under the house."},
    ],
    "recording": True,
}
CALL_S = 60
MIN_CALL_S = 2
LIVE_MS = 15_000
"""Within which a page shows what happened, at the most."""
AXE = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = """async () => (await axe.run({ resultTypes: ["violations"] })).violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)"""

DURATION = """audio => new Promise((done) => {
  const tell = () => done(audio.duration || 0);
  if (audio.readyState > 0) tell();
  for (const event of ["loadedmetadata", "error"]) audio.addEventListener(event, tell);
})"""


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url) as client:
        yield client


@pytest.fixture(scope="module")
def spoken_session(server: RunningServer, api: httpx2.Client, speech: Speech) -> Iterator[str]:
    """The id of a session in which a question was asked aloud, recorded and over."""
    api.post("/v1/agents", json=AGENT).raise_for_status()
    question = speech("Where can I park?", after_s=0.5)
    call = ("call", server.url, "--agent", AGENT["id"], "--wav", str(question))
    command = (sys.executable, "-m", "voice_agent", *call, "--transport", "websocket")
    subprocess.run(command, check=True, timeout=CALL_S, capture_output=True)
    (session,) = api.get("/v1/sessions", params={"agent": AGENT["id"]}).json()["sessions"]
    yield str(session["session_id"])
    api.delete(f"/v1/agents/{AGENT['id']}").raise_for_status()


@pytest.fixture(scope="module")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    starter = Chromium(playwright_driver)
    yield starter.start()
    starter.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = open_page(browser)
    yield page
    page.context.close()


def opened(page: Page, server: RunningServer, place: str, title: str | re.Pattern[str]) -> Page:
    """Load a page by its address and wait until it is there."""
    page.goto("about:blank")
    page.goto(f"{server.url}/#/{place}")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    return page


def follow(page: Page, place: str) -> None:
    page.get_by_role("navigation", name="Console").get_by_role("link", name=place).click()


def milliseconds(shown: Locator) -> list[int]:
    return [int(text.removesuffix(" ms")) for text in shown.all_inner_texts()]


def test_what_was_said_is_found_read_and_heard(
    page: Page, server: RunningServer, spoken_session: str
) -> None:
    page.goto(server.url)
    follow(page, "Sessions")
    expect(page.get_by_role("heading", name="Sessions")).to_be_focused()
    page.get_by_label("State").select_option("ended")
    page.get_by_label("Agent").select_option("reception")
    row = page.get_by_role("row", name=re.compile("Reception"))
    expect(row).to_contain_text(spoken_session)
    assert "state=ended" in page.url
    row.get_by_role("link").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Session with Reception")
    said = page.get_by_role("list", name="What was said")
    expect(said.get_by_role("listitem")).to_have_count(3)
    expect(said).to_contain_text("There is a garage under the house.")
    expect(page.get_by_test_id("events")).to_contain_text("Connection over WebSocket")

    answer = page.get_by_test_id("answer")
    (total,) = milliseconds(answer.get_by_test_id("total"))
    parts = milliseconds(answer.get_by_test_id("part"))
    assert len(parts) == 5
    assert abs(sum(parts) - total) <= len(parts) / 2 + 1  # each is rounded

    page.get_by_role("button", name="Play").click()
    assert page.get_by_label("Recording 1").evaluate(DURATION) > MIN_CALL_S


def test_a_running_session_is_followed_joined_and_ended(page: Page, server: RunningServer) -> None:
    caller = Caller(page, server.url)
    caller.open("websocket")
    caller.type("Where can I park?")
    caller.sees("garage under the house")
    follow(page, "Sessions")
    expect(page.get_by_text("in a call")).to_be_visible()
    running = page.get_by_role("row", name=re.compile("connected"))
    running.first.get_by_role("link").click()

    said = page.get_by_role("list", name="What was said")
    expect(said).to_contain_text("Where can I park?", timeout=LIVE_MS)
    words = page.get_by_role("textbox", name="Words")
    words.fill("The lift is out of order.")
    page.get_by_role("button", name="Send").click()
    expect(said).to_contain_text("The lift is out of order.", timeout=LIVE_MS)
    page.get_by_label("Send as the caller").check()
    words.fill("Are you open on Sunday?")
    words.press("Enter")
    expect(said).to_contain_text("Are you open on Sunday?", timeout=LIVE_MS)
    expect(said).to_contain_text("closed on Sundays", timeout=LIVE_MS)

    page.get_by_role("button", name="End session").click()
    page.get_by_role("dialog").get_by_role("button", name="End session").click()
    expect(page.get_by_test_id("events")).to_contain_text("Session ended", timeout=LIVE_MS)
    expect(words).to_be_hidden()
    follow(page, "Talk")
    expect(caller.talk).to_be_visible()
    expect(caller.transcript).to_contain_text("The lift is out of order.")


def test_an_agent_is_made_edited_tried_and_deleted(
    page: Page, server: RunningServer, api: httpx2.Client
) -> None:
    opened(page, server, "agents", "Agents")
    page.get_by_role("link", name="New agent").click()
    page.get_by_label("Id").fill("kiosk")
    page.get_by_label("Name").fill("Kiosk")
    page.get_by_label("Greeting").fill("Hello.")
    page.get_by_role("button", name="Add an entry").click()
    page.get_by_label("Questions of entry 1").fill("What is there?\nWhat do you sell?")
    page.get_by_label("Answer of entry 1").fill("Ice cream.")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kiosk")

    page.get_by_label("Greeting").fill("Good evening.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as version")).to_be_visible()

    theirs = api.get("/v1/agents/kiosk").json()
    version = theirs.pop("version")
    del theirs["origin"]
    changed = theirs | {"instructions": "Be brief."}
    api.put("/v1/agents/kiosk", json=changed, headers={"If-Match": version}).raise_for_status()
    page.get_by_label("Greeting").fill("Good night.")
    page.get_by_role("button", name="Save", exact=True).click()
    conflict = page.get_by_test_id("conflict")
    expect(conflict).to_contain_text("It differs in: instructions")
    assert api.get("/v1/agents/kiosk").json()["greeting"] == "Good evening."
    conflict.get_by_role("button", name="Save mine over theirs").click()
    expect(conflict).to_be_hidden()
    expect(page.get_by_text("Saved as version")).to_be_visible()
    assert api.get("/v1/agents/kiosk").json()["greeting"] == "Good night."

    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("combobox", name="Agent")).to_have_value("kiosk")
    page.go_back()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
    expect(page.get_by_text("Kiosk")).to_have_count(0)

    opened(page, server, "agents/frontdesk", "Front desk")
    expect(page.get_by_role("note")).to_contain_text("frontdesk.yaml")
    expect(page.get_by_label("Greeting")).not_to_be_editable()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_a_key_is_shown_once_and_revoked(
    page: Page, server: RunningServer, api: httpx2.Client
) -> None:
    opened(page, server, "access", "Access")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("from the console")
    page.get_by_label("pool:read").check()
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_test_id("secret").inner_text()
    me = api.get("/v1/auth/me", headers={"Authorization": f"Bearer {key}"})
    assert me.json()["scopes"] == ["pool:read"]
    page.get_by_role("button", name="I have it").click()
    row = page.get_by_role("row", name=re.compile("from the console"))
    expect(row).to_contain_text("pool:read")
    assert key not in page.content()
    revoke = row.get_by_role("button", name=re.compile("Revoke"))
    revoke.click()
    page.keyboard.press("Escape")
    expect(revoke).to_be_focused()
    revoke.click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")


def test_the_system_shows_its_processes_and_providers(
    page: Page, server: RunningServer, spoken_session: str
) -> None:
    opened(page, server, "system", "System")
    expect(page.get_by_text("ready for calls")).to_be_visible()
    for provider in ("pocketsphinx", "knowledge", "embedded"):
        shown = page.get_by_role("listitem").filter(has_text=provider)
        expect(shown).to_contain_text("healthy")
    expect(page.get_by_role("row", name=re.compile("^p0 ready"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^vad silero"))).to_be_visible()


def test_what_cannot_be_is_said_in_the_servers_words(page: Page, server: RunningServer) -> None:
    opened(page, server, "access/webhooks", "Access")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Address").fill(f"{server.url}/hook")
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing can be sent there")
    opened(page, server, "sessions/p0.nothing", "Session")
    expect(page.get_by_role("alert")).to_contain_text("There is no such session")
    opened(page, server, "nowhere", "There is no such page")


PLACES = (
    *("", "sessions", "sessions/{session}", "agents", "agents/reception", "agents/frontdesk"),
    *("new-agent", "system", "access/keys", "access/users", "access/webhooks"),
)


LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (
    *(("light", 1280), ("dark", 1280)),
    *(("light", 390), ("dark", 390)),
)


@pytest.mark.parametrize("place", PLACES)
def test_everybody_can_use_every_page(
    page: Page, server: RunningServer, spoken_session: str, place: str
) -> None:
    opened(page, server, place.format(session=spoken_session), re.compile("."))
    expect(page.get_by_text("Loading…")).to_have_count(0)
    page.evaluate(AXE.read_text())
    found: list[str] = []
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 844})
        found += [f"{scheme}, {width}: {violation}" for violation in page.evaluate(SERIOUS)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{width}: it must be scrolled sideways")
    assert not found


def test_the_menu_leads_everywhere_on_a_phone(browser: Browser, server: RunningServer) -> None:
    page = open_page(browser, viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(server.url)
    for place in ("Sessions", "Agents", "System", "Access"):
        page.get_by_role("button", name="Menu").tap()
        follow(page, place)
        expect(page.get_by_role("heading", level=1)).to_have_text(place)
        expect(page.get_by_role("link", name=place, exact=True)).to_be_hidden()
        expect(page).to_have_title(f"{place} · Voice Agent")
    page.context.close()


def test_who_only_talks_loads_nothing_of_the_other_pages(
    page: Page, server: RunningServer, built_console: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    expect(page.get_by_role("button", name="Talk", exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")
    others = [path.name for path in (built_console / "assets").glob("Pages-*")]
    assert others
    assert not [url for url in asked if any(name in url for name in others)]
