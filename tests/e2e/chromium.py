"""Chromium as the tests drive it."""

import os
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
"""The machine's own browser: Playwright brings none here."""

_EARS = Path(__file__).with_name("ears.js")


class Chromium:
    """Starts Chromium; what it is given as a microphone is decided at its start."""

    def __init__(self, driver: Playwright) -> None:
        self._driver = driver
        self._running: list[Browser] = []

    def start(self, *options: str) -> Browser:
        """Return a browser without a microphone, unless `options` give it one."""
        browser = self._driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=document-user-activation-required", *options],
        )
        self._running.append(browser)
        return browser

    def with_microphone(self, wav: Path) -> Browser:
        """Return a browser whose microphone plays `wav` once."""
        return self.start(
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={wav}%noloop",
        )

    def close(self) -> None:
        """End every browser that was started."""
        for browser in self._running:
            browser.close()


def open_page(browser: Browser, **options: object) -> Page:
    """Return a new page of a new context, with ears."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(_EARS.read_text())
    return page
