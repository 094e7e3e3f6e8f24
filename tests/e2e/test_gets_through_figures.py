"""Calls through whatever is in the way, many times each: answered, how soon, what was left over.

Real Chromium, real packets: the firewall of a network namespace drops them. Needs root on Linux,
nftables, and coturn.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx2
import pytest
from playwright.sync_api import expect

from tests.e2e.caller import GREETING, Caller
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.private_network import Firewall, private_network
from tests.turn_servers import TurnProcess
from voice_agent.testing.running_server import RunningServer, serving
from voice_agent.testing.server_probe import ServerCounts

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
]

TIMES = int(os.environ.get("TIMES", "20"))
FIRST_WORD_S, BACK_S, SETTLED_S = 5.0, 15.0, 90.0
ANSWER = "garage under the house"
NO_UDP = "meta l4proto udp drop"
ONLY_HTTP = "meta l4proto tcp drop"
"""Behind rules that accept the server's port."""
NO_MEDIA = "meta l4proto udp @th,64,8 >= 20 drop"
"""What is no STUN: the first byte of DTLS is 20 to 63, of RTP 128 to 191 (RFC 7983)."""
_CLICK = "addEventListener('click', () => { window.clickedAt ??= performance.now() }, true);"
_FIRST_WORD = "ears.heard.find(([at, level]) => at >= clickedAt && level > 0.005)[0] - clickedAt"
_HEARD_AGAIN = """cut => new Promise((resolve) => {
  const timer = setInterval(() => {
    let quiet = null;
    for (const [at, level] of ears.heard) {
      if (at < cut) continue;
      if (level <= 0.005) { quiet ??= at; continue; }
      if (quiet !== null && at - quiet >= 250) { clearInterval(timer); resolve(at - cut); return; }
      quiet = null;
    }
  }, 50);
})"""


@dataclass
class Figures:
    """Of one way: seconds."""

    first_words: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    over: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """Return them as a line to read."""
        answered = TIMES - len(self.failures)
        parts = [f"{name}: {answered} of {TIMES} answered over {', '.join(sorted(self.over))}"]
        for what, seconds in (("first word", self.first_words), ("heard again", self.back)):
            if seconds:
                median, worst = statistics.median(seconds), max(seconds)
                parts.append(f"{what} {median:.2f} s (worst {worst:.2f})")
        return "; ".join((*parts, *self.failures))


@pytest.fixture(scope="module")
def firewall() -> Iterator[Firewall]:
    """The network that all of this file's programs are in."""
    with private_network() as firewall:
        yield firewall


@pytest.fixture(scope="module")
def server(firewall: Firewall, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server in that network."""
    with serving(tmp_path_factory.mktemp("server"), probed=True) as running:
        yield running


@pytest.fixture(scope="module")
def relayed(
    firewall: Firewall,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningServer, TurnProcess]]:
    """A server that is reached through its TURN server only."""
    turn = TurnProcess(tmp_path_factory.mktemp("turn"), ("--min-port=50000", "--max-port=50999"))
    turn.start()
    environment = dict(turn.environment(ICE_TRANSPORT_POLICY="relay"))
    try:
        folder = tmp_path_factory.mktemp("relayed")
        with serving(folder, environment=environment, probed=True) as running:
            yield running, turn
    finally:
        turn.kill()


@pytest.fixture(autouse=True)
def everything_open(firewall: Firewall) -> Iterator[None]:
    """Nothing is blocked after a test."""
    yield
    firewall.block()


def _caller(chromium: Chromium, server: RunningServer, script: str = "") -> Caller:
    page = open_page(chromium.start())
    page.add_init_script(f"ears.useMouth(); {_CLICK} {script}")
    return Caller(page, server.url)


def _is_answered(caller: Caller) -> None:
    caller.type("Where can I park?")
    caller.sees(ANSWER)
    assert caller.transcript.inner_text().count(GREETING) == 1, "greeted once"


def _nothing_is_left(server: RunningServer) -> None:
    """Wait until the server has neither a session nor a connection any more."""

    def count() -> ServerCounts:
        return asyncio.run(server.probe.count())

    deadline = time.monotonic() + SETTLED_S
    while True:
        # In a thread: Playwright's event loop runs in this one.
        with ThreadPoolExecutor(1) as thread:
            counts = thread.submit(count).result()
        left = (counts.sessions, counts.websockets, counts.peers)
        if left == (0, 0, 0):
            return
        assert time.monotonic() < deadline, f"sessions, WebSockets, peers left over: {left}"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("name", "rules", "script", "over"),
    [
        ("all open", (), "", {"WebRTC"}),
        ("UDP blocked", (NO_UDP,), "", {"WebSocket"}),
        ("all but the HTTP port blocked", (NO_UDP, ONLY_HTTP), "", {"WebSocket"}),
        ("no WebRTC in the browser", (), "delete window.RTCPeerConnection;", {"WebSocket"}),
        ("offer answered, media dropped", (NO_MEDIA,), "", {"WebSocket"}),
    ],
)
def test_calls_are_answered(
    chromium: Chromium,
    server: RunningServer,
    firewall: Firewall,
    name: str,
    rules: Sequence[str],
    script: str,
    over: set[str],
) -> None:
    only_http = [f"tcp {side} {server.port} accept" for side in ("dport", "sport")]
    firewall.block(*(only_http if ONLY_HTTP in rules else ()), *rules)
    figures = _call_often(firewall, chromium, server, name, script)
    assert not figures.failures
    assert figures.over == over
    assert max(figures.first_words) < FIRST_WORD_S


def _call_often(
    firewall: Firewall, chromium: Chromium, server: RunningServer, name: str, script: str
) -> Figures:
    figures = Figures()
    for _ in range(TIMES):
        _one_call(figures, _caller(chromium, server, script))
        chromium.close()
    print(f"\n{figures.line(name)}")
    firewall.block()  # the probe is behind it
    _nothing_is_left(server)
    return figures


def _one_call(figures: Figures, caller: Caller) -> None:
    try:
        caller.call()
        caller.hears_speech()
        figures.first_words.append(float(caller.page.evaluate(_FIRST_WORD)) / 1000)
        _is_answered(caller)
        figures.over.add(caller.connection.inner_text())
        caller.hang_up()
    except Exception as error:  # noqa: BLE001 - counted, and the next call is made
        figures.failures.append(str(error).splitlines()[0])


def test_calls_go_through_a_relay_alone(
    chromium: Chromium, relayed: tuple[RunningServer, TurnProcess], firewall: Firewall
) -> None:
    server, turn = relayed
    ports = f"{{ {turn.port}, 50000-50999 }}"
    firewall.block(f"udp dport {ports} accept", f"udp sport {ports} accept", NO_UDP)
    figures = _call_often(firewall, chromium, server, "TURN only", "")
    assert not figures.failures
    assert figures.over == {"WebRTC"}


@pytest.mark.parametrize("carrier", ["WebRTC", "WebSocket"])
def test_calls_go_on_when_they_are_cut(
    chromium: Chromium, server: RunningServer, firewall: Firewall, carrier: str
) -> None:
    figures = Figures()
    cut_tcp = (
        f"tcp dport {server.port} tcp flags != syn reject with tcp reset",
        f"tcp sport {server.port} tcp flags & syn != syn reject with tcp reset",
    )
    for _ in range(TIMES):
        firewall.block(*((NO_UDP,) if carrier == "WebSocket" else ()))
        caller = _caller(chromium, server)
        try:
            _one_cut(figures, caller, firewall, carrier, cut_tcp)
        except Exception as error:  # noqa: BLE001 - counted, and the next call is made
            figures.failures.append(str(error).splitlines()[0])
        chromium.close()
    print(f"\n{figures.line(f'cut in mid-call over {carrier}')}")
    firewall.block()
    _nothing_is_left(server)
    assert not figures.failures
    assert max(figures.back) < BACK_S


def _one_cut(
    figures: Figures, caller: Caller, firewall: Firewall, carrier: str, cut_tcp: Sequence[str]
) -> None:
    """Cut a connection while the agent answers; what is heard of it comes once."""
    caller.call()
    expect(caller.connection).to_have_text(carrier)
    caller.hears_silence()
    caller.type("What are your opening hours?")
    caller.hears_speech()
    firewall.block(*((NO_UDP,) if carrier == "WebRTC" else cut_tcp))
    cut = caller.now()
    if carrier == "WebSocket":
        caller.page.wait_for_timeout(500)
        firewall.block()
    figures.back.append(float(caller.page.evaluate(_HEARD_AGAIN, cut)) / 1000)
    caller.hears_silence()
    figures.over.add(caller.connection.inner_text())
    _is_answered(caller)
    session = _last_session(caller)
    said = [turn["text"] for turn in session["transcript"] if turn["speaker"] == "agent"]
    sentences = [each for text in said for each in text.split(". ")]
    assert len(set(sentences)) == len(sentences), f"said twice: {said}"
    caller.hang_up()


def _last_session(caller: Caller) -> dict[str, list[dict[str, str]]]:
    base = caller.page.url.partition("?")[0]
    newest = httpx2.get(f"{base}v1/sessions?limit=1").json()["sessions"][0]["session_id"]
    session: dict[str, list[dict[str, str]]] = httpx2.get(f"{base}v1/sessions/{newest}").json()
    return session
