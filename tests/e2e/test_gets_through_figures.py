"""How soon a caller hears the agent, and hears it again when a connection dies; 20 calls each.

`./scripts/dev.sh soak -k gets_through_figures -s` prints them; `CALLS=5` in the environment takes
fewer.
"""

import os
import statistics
from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.caller import Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.cuttable import cuttable_way
from tests.e2e.lost_media import Media
from voice_agent.testing.running_server import RunningServer

CALLS = int(os.environ.get("CALLS", "20"))
GREETING = "this is the front desk"
BACK_MS = 20_000

pytestmark = [pytest.mark.soak, pytest.mark.real_time]


def tell(what: str, seconds: Sequence[float], greetings: Sequence[int]) -> None:
    """Print the figures, and check that each call was answered with one greeting."""
    median, worst = statistics.median(seconds), max(seconds)
    print(f"\n{what}: {len(seconds)} of {CALLS}, median {median:.2f} s, worst {worst:.2f} s")
    assert len(seconds) == CALLS
    assert set(greetings) == {1}


def open_caller(chromium: Chromium, url: str, script: str = "") -> Caller:
    """Return a caller of a browser of his own, before the page."""
    page = open_page(chromium.start())
    page.add_init_script(f"ears.useMouth(); {script}")
    caller = Caller(page, url)
    caller.open()
    return caller


def greetings(caller: Caller) -> int:
    """Return how often the agent has greeted."""
    return caller.transcript.inner_text().count(GREETING)


def answered(caller: Caller) -> int:
    """Let it finish, ask something, hear the answer; return how often the agent has greeted."""
    caller.hears_silence()
    caller.type("Where can I park?")
    caller.sees("garage under the house")
    caller.hears_speech()
    return greetings(caller)


def drop_from_the_start(page: Page) -> None:
    Media(page).drop()


@pytest.mark.parametrize(
    ("script", "prepare", "over"),
    [
        pytest.param("", None, "WebRTC", id="all open"),
        pytest.param("delete window.RTCPeerConnection", None, "WebSocket", id="no WebRTC"),
        pytest.param("", drop_from_the_start, "WebSocket", id="media dropped"),
    ],
)
def test_from_click_to_first_word(
    chromium: Chromium,
    server: RunningServer,
    request: pytest.FixtureRequest,
    script: str,
    prepare: Callable[[Page], None] | None,
    over: str,
) -> None:
    seconds, greeted = [], []
    for _ in range(CALLS):
        caller = open_caller(chromium, server.url, script)
        if prepare is not None:
            prepare(caller.page)
        clicked = caller.now()
        caller.talk.click()
        caller.hears_speech()
        seconds.append((caller.now() - clicked) / 1000)
        expect(caller.connection).to_have_text(over)
        caller.sees(GREETING)
        greeted.append(greetings(caller))
        caller.hang_up()
        chromium.close()
    tell(f"click to first word, {request.node.callspec.id}", seconds, greeted)


def test_from_a_cut_socket_to_the_agent(chromium: Chromium, server: RunningServer) -> None:
    seconds, greeted = [], []
    for _ in range(CALLS):
        with cuttable_way(server.port) as way:
            caller = open_caller(chromium, way.url)
            caller.page.route("**/offer", lambda route: route.abort())
            caller.talk.click()
            caller.sees("How can I help?")
            caller.hears_silence()
            expect(caller.connection).to_have_text("WebSocket")
            caller.page.unroute_all()
            caller.type("When are you open?")
            caller.hears_speech()
            way.cut()
            cut = caller.now()
            expect(caller.connection).to_have_text("WebRTC", timeout=BACK_MS)
            seconds.append(heard_again(caller, cut))
            greeted.append(answered(caller))
            caller.hang_up()
            chromium.close()
    tell("cut socket to the agent heard again", seconds, greeted)


def test_from_lost_media_to_the_agent(chromium: Chromium, server: RunningServer) -> None:
    seconds, greeted = [], []
    for _ in range(CALLS):
        caller = open_caller(chromium, server.url)
        media = Media(caller.page)
        caller.talk.click()
        caller.sees("How can I help?")
        caller.hears_silence()
        expect(caller.connection).to_have_text("WebRTC")
        caller.type("When are you open?")
        caller.hears_speech()
        media.drop()
        cut = caller.now()
        expect(caller.connection).to_have_text("WebSocket", timeout=BACK_MS)
        seconds.append(heard_again(caller, cut))
        greeted.append(answered(caller))
        caller.hang_up()
        chromium.close()
    tell("lost media to the agent heard again", seconds, greeted)


AGAIN = """([cut, within]) => new Promise((resolve, reject) => {
  const began = performance.now();
  const timer = setInterval(() => {
    let silent = null;
    for (const [at, level] of ears.heard) {
      if (at < cut) continue;
      if (level <= 0.005) silent ??= at;
      else if (silent !== null && at - silent > 150) { clearInterval(timer); return resolve(at); }
      else silent = null;
    }
    if (performance.now() - began > within) { clearInterval(timer); reject(new Error("unheard")); }
  }, 20);
})"""
"""When the agent was heard first after it had fallen silent by the cut."""


def heard_again(caller: Caller, cut: float) -> float:
    """Return the seconds from the cut until the agent was heard again."""
    return float((caller.page.evaluate(AGAIN, [cut, BACK_MS]) - cut) / 1000)
