"""The main job: open the page, speak, hear an answer, over both transports."""

import re
import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from voice_agent.testing.running_server import RunningServer

SATURDAY = "What are your opening hours on Saturday?"
ANSWER = "from nine to six"
AUDIBLE = 0.002
"""Energy of a short sentence at the least; silence and noise of the line stay far below."""

BARGE_IN_MS = 1_000
"""On a machine that others use as well; the figure is measured by the soak tests."""
"""From the onset of the caller's speech to silence."""

NAMES = {"webrtc": "WebRTC", "websocket": "WebSocket"}
both_transports = pytest.mark.parametrize("transport", list(NAMES))

pytestmark = pytest.mark.real_time  # speech in real time, in and out


@both_transports
def test_a_question_spoken_into_the_microphone_is_answered(
    chromium: Chromium, server: RunningServer, speech: Speech, transport: str
) -> None:
    # The greeting takes some three seconds: the question comes after it.
    wav = speech(SATURDAY, before_s=8, after_s=30)
    caller = Caller(open_page(chromium.with_microphone(wav)), server.url)
    caller.call(transport)
    expect(caller.connection).to_have_text(NAMES[transport])
    caller.sees("How can I help?")
    caller.hears_silence()
    greeted = caller.now()
    caller.sees(ANSWER)
    caller.hears_silence()
    assert caller.energy_since(greeted) > AUDIBLE
    expect(caller.transcript.locator("[data-side=user]")).to_contain_text(
        "Saturday", ignore_case=True
    )
    caller.hang_up()


@both_transports
def test_a_typed_question_is_answered_aloud(caller: Caller, transport: str) -> None:
    caller.open(transport)
    began = caller.now()
    caller.type("Where can I park?")
    caller.is_connected()
    caller.sees("garage under the house")
    caller.hears_silence()
    assert caller.energy_since(began) > AUDIBLE
    expect(caller.transcript.locator("[data-side=user]")).to_contain_text("Where can I park?")


@both_transports
def test_what_the_agent_says_stops_when_the_caller_barges_in(
    caller: Caller, speech: Speech, transport: str, record_property: Callable[[str, object], None]
) -> None:
    question = speech("Where can I park?")
    caller.call(transport)
    delays = []
    for _ in range(3):
        caller.hears_speech()
        began = caller.say(question)
        delays.append(round(caller.silent_since(began) - began))
    record_property("barge_in_ms", delays)
    print(f"barge-in over {transport}: {delays} ms")
    assert statistics.median(delays) < BARGE_IN_MS
    caller.sees("garage under the house")
    expect(caller.transcript.locator("[data-interrupted=true]")).to_have_count(3)


def test_auto_takes_the_first_that_the_server_offers(caller: Caller) -> None:
    caller.call("auto")
    expect(caller.connection).to_have_text("WebRTC")
    caller.hears_speech()


def test_the_next_transport_is_tried_when_the_first_fails(caller: Caller) -> None:
    caller.page.route("**/offer", lambda route: route.abort())
    caller.call("auto")
    expect(caller.connection).to_have_text("WebSocket")
    caller.hears_speech()
    caller.connection.click()
    attempts = caller.page.locator("#connection-details li")
    expect(attempts.nth(0)).to_contain_text("WebRTC failed")
    expect(attempts.nth(1)).to_contain_text("WebSocket connected")


def test_hanging_up_ends_the_session(caller: Caller) -> None:
    caller.call("websocket")
    with caller.page.expect_response(lambda response: response.request.method == "DELETE") as ended:
        caller.hang_up()
    assert ended.value.status == 204


def test_the_microphone_can_be_muted_and_its_level_is_shown(
    chromium: Chromium, server: RunningServer, speech: Speech
) -> None:
    caller = Caller(open_page(chromium.with_microphone(speech(SATURDAY, after_s=60))), server.url)
    caller.open()
    level = caller.page.get_by_role("meter", name="Microphone level")
    caller.talk.click()
    expect(level).to_have_attribute("aria-valuenow", re.compile(r"^([2-9]\d|100)$"))
    caller.is_connected()
    microphone = caller.page.get_by_role("button", name="Microphone")
    microphone.click()
    expect(microphone).to_have_attribute("aria-pressed", "false")
    expect(level).not_to_be_attached()
