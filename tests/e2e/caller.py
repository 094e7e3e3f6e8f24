"""What a person does before the page, and what he hears."""

import base64
import re
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

GREETING = "this is the front desk"
"""Of what the shipped agent greets with."""
CONNECT_MS = 20_000
ANSWER_MS = 15_000
SENTENCES_MS = 30_000
SILENCE_MS = 600
"""Longer than the pause between two sentences."""


class Speech(Protocol):
    """Turns a text into a wav."""

    def __call__(self, text: str, before_s: float = 0, after_s: float = 0) -> Path:
        """Return the wav of `text`, with seconds of silence before and after it."""


class Caller:
    """Drives the page as a person does: by what it shows and what can be heard."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url

    def open(self, transport: str = "auto") -> None:
        """Open the page with a transport chosen."""
        self.page.goto(f"{self._url}?transport={transport}")

    def call(self, transport: str = "auto") -> None:
        """Open the page, press Talk, and wait until the call is up."""
        self.open(transport)
        self.talk.click()
        self.is_connected()

    def is_connected(self) -> None:
        """Wait until the call is up."""
        hang_up = self.page.get_by_role("button", name="Hang up")
        expect(hang_up).to_be_visible(timeout=CONNECT_MS)

    def type(self, text: str) -> None:
        """Type instead of speaking."""
        message = self.page.get_by_role("textbox")
        message.fill(text)
        message.press("Enter")

    def say(self, wav: Path) -> float:
        """Speak; return the page's time in milliseconds at which it began to sound."""
        spoken = base64.b64encode(wav.read_bytes()).decode()
        return float(self.page.evaluate("wav => ears.say(wav)", spoken))

    def hears_speech(self) -> None:
        """Wait until the agent can be heard."""
        self.page.evaluate("within => ears.hearSpeech(within)", ANSWER_MS)

    def hears_silence(self) -> None:
        """Wait until the agent has been heard and is silent again."""
        self.hears_speech()
        self.page.evaluate(f"within => ears.hearSilence({SILENCE_MS}, within)", SENTENCES_MS)

    def now(self) -> float:
        """Return the page's time in milliseconds."""
        return float(self.page.evaluate("performance.now()"))

    def energy_since(self, time: float) -> float:
        """Return the energy of what was heard since then, full scale for one second being 1."""
        return float(self.page.evaluate("from => ears.energy(from)", time))

    def silent_since(self, time: float) -> float:
        """Return when what was heard at `time` fell silent, waiting until it has."""
        fall_silent = f"from => ears.fallSilent(from, 300, {SENTENCES_MS})"
        return float(self.page.evaluate(fall_silent, time))

    def sees(self, words: str) -> None:
        """Wait until the agent is seen saying `words`."""
        said = self.transcript.locator("[data-side=agent]", has_text=words)
        expect(said.last).to_be_visible(timeout=ANSWER_MS)

    @property
    def talk(self) -> Locator:
        """The button that calls; after a conversation it says "Talk again"."""
        return self.page.get_by_role("button", name=re.compile(r"^Talk( again)?$"))

    @property
    def transcript(self) -> Locator:
        """The list of all that was said."""
        return self.page.get_by_test_id("transcript")

    @property
    def notice(self) -> Locator:
        """What the page has to say to the caller."""
        return self.page.get_by_test_id("notice")

    @property
    def connection(self) -> Locator:
        """Over what the call runs."""
        return self.page.get_by_test_id("connection")

    def hang_up(self) -> None:
        """End the call."""
        self.page.get_by_role("button", name="Hang up").click()
        expect(self.talk).to_be_visible()
