"""A real server, a real Chromium and real speech for the tests of the page."""

import base64
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from playwright.sync_api import Page, Playwright, sync_playwright

from build_console import find_node
from tests.e2e.caller import Caller, Speech
from tests.e2e.chromium import Chromium, open_page
from tests.e2e.names import OTHER_NAME
from tests.e2e.stock_site import StockSite, serving_stock_site
from voice_agent.console_files import console_directory
from voice_agent.testing.running_server import RunningServer, serving

_MICROPHONE_LEVEL = 0.2
_RATE = 48_000


@pytest.fixture(scope="session")
def built_console() -> Path:
    """The folder of the built page."""
    folder = console_directory()
    assert (folder / "index.html").is_file(), "the page is not built: run ./scripts/dev.sh setup"
    return folder


@pytest.fixture(scope="session")
def stock_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StockSite]:
    """A site on another origin; its page is built by the test that wants it."""
    with serving_stock_site(tmp_path_factory.mktemp("stock-site")) as site:
        yield site


@pytest.fixture(scope="session")
def server(
    built_console: Path, stock_site: StockSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with the embedded profile and the shipped agents, for all tests of the session.

    It lets pages of `stock_site` in, answers to `OTHER_NAME` too, and records agents that say so.
    """
    allowed = {
        "VOICE_AGENT_ALLOWED_ORIGINS": stock_site.origin,
        "VOICE_AGENT_ALLOWED_HOSTS": OTHER_NAME,
        "VOICE_AGENT_RECORDINGS": "allowed",
    }
    with serving(tmp_path_factory.mktemp("server"), environment=allowed) as running:
        yield running


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Says a text with flite; returns a wav of 48 kHz, with silence round it if asked."""
    folder = tmp_path_factory.mktemp("speech")

    @functools.cache
    def say(text: str, before_s: float = 0, after_s: float = 0) -> Path:
        name = base64.urlsafe_b64encode(text.encode()).decode()[:40]
        spoken = folder / f"{name}.wav"
        padded = folder / f"{name}-{before_s}-{after_s}.wav"
        subprocess.run(["flite", "-voice", "awb", "-t", text, "-o", spoken], check=True)
        samples, rate = soundfile.read(spoken)
        # flite speaks at full scale, and Chromium's gain control begins by adding 10 dB: the first
        # words would be clipped, which no one hears well. A person's microphone is not so loud.
        sounding = soxr.resample(samples, rate, _RATE) * _MICROPHONE_LEVEL
        silences = (int(before_s * _RATE), int(after_s * _RATE))
        soundfile.write(padded, np.pad(sounding, silences), _RATE)
        return padded

    return say


@pytest.fixture(scope="module")
def playwright_driver() -> Iterator[Playwright]:
    """Playwright, on the Node that built the page; its event loop runs until it is stopped.

    Its own Node is linked with a library (libatomic) that a small machine does not have.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYWRIGHT_NODEJS_PATH", str(find_node().program))
        with sync_playwright() as driver:
            yield driver


@pytest.fixture
def chromium(playwright_driver: Playwright) -> Iterator[Chromium]:
    """Starts browsers and ends them with the test."""
    starter = Chromium(playwright_driver)
    yield starter
    starter.close()


@pytest.fixture
def page(chromium: Chromium) -> Page:
    """A page with ears, of a browser that has no microphone."""
    return open_page(chromium.start())


@pytest.fixture
def caller(chromium: Chromium, server: RunningServer) -> Caller:
    """A caller before the page who speaks when told to."""
    page = open_page(chromium.start())
    page.add_init_script("ears.useMouth()")
    return Caller(page, server.url)
