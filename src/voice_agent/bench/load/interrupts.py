"""Ctrl-C and its like: they end a benchmark once, and never in the moment a process is started."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns signals into one KeyboardInterrupt while it is entered, in the main thread.

    Those that come after it are ignored: they would interrupt the ending of what was started.
    """

    def __init__(self) -> None:
        self._held_off = False
        self._pending: str | None = None
        self._came = False

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Let a signal end the block with KeyboardInterrupt; nothing changes in other threads."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._came, self._pending = False, None
        before = {number: signal.signal(number, self._take) for number in ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held_off(self) -> Iterator[None]:
        """Let a signal that comes in the block interrupt at its end.

        Raises:
            KeyboardInterrupt: One came.
        """
        self._held_off = True
        try:
            yield
        finally:
            self._held_off = False
        if (name := self._pending) is not None:
            self._pending = None
            raise KeyboardInterrupt(name)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._came:
            return
        self._came = True
        name = signal.Signals(number).name
        if self._held_off:
            self._pending = name
            return
        raise KeyboardInterrupt(name)


INTERRUPTS: Final = Interrupts()
"""Those of this process: there is one set of signal handlers."""
