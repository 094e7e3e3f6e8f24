"""Waiting in tests: for a condition, woken by what happens, never by polling."""

import asyncio
from collections.abc import Callable

PATIENCE_S = 30.0
"""How long a test waits for what must come, in the event loop's seconds."""


class Changes:
    """Wakes whoever waits for a condition whenever something has happened.

    `context` returns what a failing test should show beside what was waited for.
    """

    def __init__(self, context: Callable[[], str]) -> None:
        self._context = context
        self._waiting: set[asyncio.Event] = set()

    def note(self) -> None:
        """Something has happened: let everyone look again."""
        for event in self._waiting:
            event.set()

    async def until(
        self, condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S
    ) -> None:
        """Return when `condition` holds; `what` names it.

        Raises:
            AssertionError: It did not hold within `within_s` seconds.
        """
        happened = asyncio.Event()
        self._waiting.add(happened)
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    happened.clear()
                    await happened.wait()
        except TimeoutError:
            raise AssertionError(f"waited {within_s:g} s for {what}; {self._context()}") from None
        finally:
            self._waiting.discard(happened)
