"""What the page says when something is in the way, and that the caller can go on."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.caller import Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.names import OTHER_NAME
from voice_agent.testing.running_server import RunningServer, serving


def test_with_the_microphone_refused_the_caller_can_type(
    chromium: Chromium, server: RunningServer
) -> None:
    browser = chromium.start("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    caller = Caller(open_page(browser), server.url)
    caller.call()
    expect(caller.notice).to_contain_text("The microphone was refused")
    caller.type("Where can I park?")
    caller.sees("garage under the house")


def test_without_a_microphone_the_caller_can_type(
    chromium: Chromium, server: RunningServer
) -> None:
    browser = chromium.start("--use-fake-ui-for-media-stream")
    caller = Caller(open_page(browser), server.url)
    caller.call()
    expect(caller.notice).to_contain_text("No microphone found")
    caller.type("Where can I park?")
    caller.sees("garage under the house")


def test_an_address_without_tls_is_told_how_to_get_it(
    chromium: Chromium, server: RunningServer
) -> None:
    browser = chromium.start(f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1")
    caller = Caller(open_page(browser), f"http://{OTHER_NAME}:{server.port}/")
    caller.open()
    expect(caller.notice).to_contain_text("only over HTTPS or on localhost")
    expect(caller.notice).to_contain_text("voice-agent serve --tls self-signed")
    caller.type("Where can I park?")
    caller.sees("garage under the house")
    caller.hears_speech()


def test_a_refusal_is_shown_in_the_server_s_own_words(chromium: Chromium, tmp_path: Path) -> None:
    with serving(tmp_path, "--max-sessions", "1") as server:
        browser = chromium.start()
        first, second = (Caller(open_page(browser), server.url) for _ in range(2))
        first.call("websocket")
        second.open()
        second.talk.click()
        expect(second.notice).to_contain_text("The server is busy")
        expect(second.notice).to_contain_text("VOICE_AGENT_MAX_SESSIONS")
        first.hang_up()
        second.talk.click()
        second.is_connected()


def test_a_server_that_vanishes_during_a_call_is_noticed(
    chromium: Chromium, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        browser = chromium.start()
        over_websocket, over_webrtc = (Caller(open_page(browser), server.url) for _ in range(2))
        over_websocket.call("websocket")
        over_webrtc.call("webrtc")
        server.kill()
        expect(over_websocket.notice).to_contain_text("The connection was lost")
        over_websocket.talk.click()
        expect(over_websocket.notice).to_contain_text("The server does not answer")
        expect(over_websocket.notice).to_contain_text("voice-agent serve")
        silent = "The server does not answer"
        expect(over_webrtc.notice).to_contain_text(silent, timeout=10_000)


def test_a_server_that_stops_says_so(chromium: Chromium, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        caller = Caller(open_page(chromium.start()), server.url)
        caller.call("websocket")
        caller.hears_speech()
        server.process.terminate()
        expect(caller.notice).to_contain_text("The server is stopping", timeout=15_000)
