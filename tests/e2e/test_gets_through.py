"""The call gets through whatever is in the way, and goes on when its connection dies."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.caller import GREETING, Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.cuttable import cuttable_way
from tests.e2e.lost_media import Media
from voice_agent.testing.running_server import RunningServer

BACK_MS = 20_000

pytestmark = pytest.mark.real_time


def is_answered(caller: Caller) -> None:
    """The agent is heard, answers, and has greeted once."""
    caller.type("Where can I park?")
    asked = caller.now()
    caller.sees("garage under the house")
    caller.hears_silence()
    assert caller.energy_since(asked) > 0
    assert caller.transcript.inner_text().count(GREETING) == 1


def test_an_answered_offer_whose_media_never_comes_costs_a_second_and_a_half(
    caller: Caller, record_property: Callable[[str, object], None]
) -> None:
    caller.open()
    Media(caller.page).drop()
    caller.talk.click()
    clicked = caller.now()
    caller.is_connected()
    caller.hears_speech()
    record_property("first_word_ms", round(caller.now() - clicked))
    expect(caller.connection).to_have_text("WebSocket")
    caller.sees(GREETING)
    caller.connection.click()
    steps = caller.page.locator("#connection-details li")
    expect(steps.nth(0)).to_contain_text("WebRTC not needed")
    expect(caller.notice).to_have_count(0)
    is_answered(caller)


def test_a_browser_without_webrtc_is_offered_none(
    chromium: Chromium, server: RunningServer
) -> None:
    page = open_page(chromium.start())
    page.add_init_script("ears.useMouth(); delete window.RTCPeerConnection")
    caller = Caller(page, server.url)
    caller.call()
    expect(caller.connection).to_have_text("WebSocket")
    caller.hears_speech()
    is_answered(caller)


def test_an_answer_that_comes_when_the_race_is_over_changes_nothing(caller: Caller) -> None:
    late: list[Route] = []

    def keep(route: Route) -> None:
        late.append(route)

    caller.page.route("**/offer", keep)
    caller.call()
    expect(caller.connection).to_have_text("WebSocket")
    with caller.page.expect_response("**/offer"):
        late[0].continue_()
    is_answered(caller)
    expect(caller.connection).to_have_text("WebSocket")


def test_a_call_goes_on_over_webrtc_when_its_websocket_is_cut(
    chromium: Chromium, server: RunningServer, record_property: Callable[[str, object], None]
) -> None:
    with cuttable_way(server.port) as way:
        page = open_page(chromium.start())
        page.add_init_script("ears.useMouth()")
        page.route("**/offer", lambda route: route.abort())
        caller = Caller(page, way.url)
        caller.call()
        expect(caller.connection).to_have_text("WebSocket")
        caller.sees(GREETING)
        caller.hears_silence()
        page.unroute_all()
        way.cut()
        cut = caller.now()
        expect(caller.connection).to_have_text("WebRTC", timeout=BACK_MS)
        record_property("cut_to_connected_ms", round(caller.now() - cut))
        is_answered(caller)


def test_a_call_goes_on_over_websocket_when_its_media_is_dropped(
    caller: Caller, record_property: Callable[[str, object], None]
) -> None:
    caller.open()
    media = Media(caller.page)
    caller.talk.click()
    caller.is_connected()
    expect(caller.connection).to_have_text("WebRTC")
    caller.sees(GREETING)
    caller.hears_silence()
    media.drop()
    cut = caller.now()
    expect(caller.connection).to_have_text("WebSocket", timeout=BACK_MS)
    record_property("cut_to_connected_ms", round(caller.now() - cut))
    expect(caller.notice).to_have_count(0)
    is_answered(caller)
