"""What the page says when something is in the way, and that the caller can go on."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.caller import Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.names import OTHER_NAME
from tests.programs import free_port
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time


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


def test_calls_go_on_when_their_server_was_killed_and_is_started_again(
    chromium: Chromium, tmp_path: Path
) -> None:
    port = str(free_port())
    with serving(tmp_path, "--port", port) as server:
        browser = chromium.start()
        callers = [Caller(open_page(browser), server.url) for _ in range(2)]
        for caller, transport in zip(callers, ("websocket", "webrtc"), strict=True):
            caller.call(transport)
            caller.sees("How can I help")
        server.kill()
        for caller in callers:
            expect(caller.notice).to_contain_text("Connection lost", timeout=15_000)
            expect(caller.connection).to_have_text("Coming back")
    with serving(tmp_path, "--port", port):
        for caller in callers:
            caller.is_connected()
            expect(caller.notice).to_have_count(0)
            caller.type("Where can I park?")
            caller.sees("garage under the house")
            # What of the greeting had not been heard was said; it did not begin anew.
            assert caller.transcript.inner_text().count("this is the front desk") == 1


def test_a_caller_may_hang_up_while_the_connection_is_lost(
    chromium: Chromium, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        caller = Caller(open_page(chromium.start()), server.url)
        caller.call("websocket")
        server.process.terminate()
        expect(caller.notice).to_contain_text("Connection lost", timeout=15_000)
        caller.hang_up()
        expect(caller.talk).to_be_visible()
        caller.talk.click()
        expect(caller.notice).to_contain_text("The server does not answer", timeout=20_000)
        expect(caller.notice).to_contain_text("voice-agent serve")


def test_a_call_that_ended_meanwhile_is_over(chromium: Chromium, tmp_path: Path) -> None:
    port = str(free_port())
    with serving(tmp_path, "--port", port) as server:
        caller = Caller(open_page(chromium.start()), server.url)
        caller.call("websocket")
        caller.sees("How can I help")
        server.kill()
        expect(caller.notice).to_contain_text("Connection lost", timeout=15_000)
    # Another data directory knows neither the session nor its token.
    with serving(tmp_path, "--port", port, "--data-dir", str(tmp_path / "other")):
        expect(caller.notice).to_contain_text("ended while the connection was lost", timeout=20_000)
