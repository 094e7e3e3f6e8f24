"""The thread that recordings are made in: takes what the event loop leaves for it, in order.

It looks a few times a second, and is woken only when something begins or ends: woken for each
piece of audio it would contend with the loop for the interpreter all the time.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

from loguru import logger

BACKLOG_LIMIT_BYTES = 32 * 1024 * 1024
"""How much audio may wait: four seconds of a hundred calls in which both sides speak."""
INTERVAL_S = 0.05
"""How long audio waits, in real time, when the thread has nothing else to do."""
HOLD_S = 0.0005
YIELD_S = 0.00005
"""How long it works before it lets go of the interpreter, for long enough that the loop gets it:
asked for it, Python gives it up after 5 ms only."""
CLOSE_TIMEOUT_S = 5.0
"""How long the rest may take: a disk that hangs must not keep a server from ending."""

Work = Callable[[], None]


class WriterThread:
    """Begins with the first work. All methods are for the event loop.

    Args:
        limit: Bytes that may wait; what would be more is dropped.
    """

    def __init__(self, limit: int = BACKLOG_LIMIT_BYTES) -> None:
        self._limit = limit
        self._backlog: deque[tuple[Work, int]] = deque()
        # Each of the two is changed by one side only, so that neither needs a lock.
        self._bytes_in = 0
        self._bytes_out = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._is_closed = False
        self._is_polling = False

    @property
    def dropped_bytes(self) -> int:
        """How much was dropped."""
        return self._dropped

    def poll(self, *, wanted: bool) -> None:
        """Look for work all the time, or only when something is done at once."""
        self._is_polling = wanted

    def do_soon(self, work: Work, size: int) -> None:
        """Do `work`, which holds `size` bytes, or drop it."""
        if self._bytes_in - self._bytes_out + size > self._limit:
            if not self._dropped:
                logger.error("recordings: disk or CPU cannot keep up, audio will be missing")
            self._dropped += size
            return
        self._bytes_in += size
        self._backlog.append((work, size))

    def do_now(self, work: Work) -> None:
        """Do all that waits and then `work`, without a pause."""
        self._backlog.append((work, 0))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()
        self._wake.set()

    async def catch_up(self) -> None:
        """Return when all that waits is done."""
        if self._thread is not None and not self._is_closed:
            done = threading.Event()
            self.do_now(done.set)
            await asyncio.to_thread(done.wait, CLOSE_TIMEOUT_S)

    async def close(self) -> None:
        """Return when all is done, or when it takes too long."""
        self._is_closed = True
        self._wake.set()
        if self._thread is None:
            return
        await asyncio.to_thread(self._thread.join, CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            logger.error("recordings: the disk hangs; what was said last will be missing")

    def _run(self) -> None:
        while True:
            was_closed = self._is_closed
            began = time.monotonic()
            while self._backlog:
                work, size = self._backlog.popleft()
                self._bytes_out += size
                work()
                if time.monotonic() - began > HOLD_S:
                    time.sleep(YIELD_S)
                    began = time.monotonic()
            if was_closed:
                return
            self._wake.wait(INTERVAL_S if self._is_polling else None)
            self._wake.clear()
