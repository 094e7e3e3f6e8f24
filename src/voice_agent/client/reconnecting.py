"""The way back to a session whose connection was lost: when to try again, and when to give up."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator

from voice_agent.client.errors import CallError
from voice_agent.client.losses import is_final

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0
HELD_AFTER_S = 5.0
"""How long a connection must have lasted until its loss gets a whole window of its own."""


def waits(jitter: Callable[[], float] = random.random) -> Iterator[float]:
    """Gives the seconds to wait before each attempt: none, then growing from 0.1 s to 2 s.

    Args:
        jitter: From 0 to 1; a wait is shortened by up to half, lest all clients of a server come
            back to it at the same moment.
    """
    yield 0.0
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s * (1 - jitter() / 2)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


class Reconnection:
    """Brings a call back after each loss of its connection.

    A connection that is lost again within five seconds was none: the window of the loss before
    goes on, and so do the waits.

    Args:
        window_s: How long to try after a loss, in seconds.
        attempt: Connects once; raises a CallError when that does not succeed.
        over: Told why there is no way back.
    """

    def __init__(
        self,
        window_s: float,
        attempt: Callable[[], Awaitable[None]],
        over: Callable[[str], None],
    ) -> None:
        self._window_s = window_s
        self._attempt = attempt
        self._over = over
        self._task: asyncio.Task[None] | None = None
        self._waits = waits()
        self._until = 0.0
        self._back_at = -HELD_AFTER_S

    def begin(self) -> None:
        """Begins to try; the connection was lost."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._back_at >= HELD_AFTER_S:
            self._waits = waits()
            self._until = loop.time() + self._window_s
        self._task = loop.create_task(self._come_back(), name="the client's way back")

    async def stop(self) -> None:
        """Tries no more; returns when nothing of it runs. May be called twice."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _come_back(self) -> None:
        loop = asyncio.get_running_loop()
        last = "no attempt was left"
        try:
            async with asyncio.timeout_at(self._until):
                for wait_s in self._waits:
                    await asyncio.sleep(wait_s)
                    try:
                        await self._attempt()
                    except CallError as error:
                        last = str(error)
                        if is_final(error):
                            self._over(last)
                            return
                    else:
                        self._back_at = loop.time()
                        return
        except TimeoutError:
            self._over(f"not within {self._window_s:g} s: {last}")
        except Exception as error:  # noqa: BLE001 - the call must not wait for ever
            self._over(f"the client failed: {error!r}")
