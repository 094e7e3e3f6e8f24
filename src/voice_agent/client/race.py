"""Several ways to connect, begun one after the other: the first to connect carries the call."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from voice_agent.client.errors import CallError, CallRefusedError, ServerUnreachableError
from voice_agent.client.media import Media
from voice_agent.client.signalling import TransportName

HEAD_START_S = 1.5
"""How long a transport has to connect before the next one is tried beside it."""


class Race:
    """Connects once, over one of several media.

    Args:
        entrants: What makes each medium, in the order in which they are to begin.
        let_go: Takes each medium that is not wanted, and frees it.
        is_final: Whether an error of one shows that the others would fail as well.
        head_start_s: How long each may take before the next begins, in seconds.

    Attributes:
        failures: The transports that failed, with the reason.
    """

    def __init__(
        self,
        entrants: Sequence[Callable[[], Media]],
        let_go: Callable[[Media], None],
        *,
        is_final: Callable[[CallError], bool] = lambda _: False,
        head_start_s: float = HEAD_START_S,
    ) -> None:
        self._waiting = deque(entrants)
        self._let_go = let_go
        self._is_final = is_final
        self._head_start_s = head_start_s
        self._running: dict[asyncio.Task[None], Media] = {}
        self.failures: list[tuple[TransportName, CallError]] = []

    async def run(self) -> Media:
        """Returns the first medium that is connected; nothing of the others runs any more.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: None gets through.
        """
        try:
            while self._waiting or self._running:
                winner = await self._step()
                if winner is not None:
                    return winner
        finally:
            await self._stop()
        raise none_got_through(self.failures)

    async def _step(self) -> Media | None:
        """Begins the next, and waits until something happens or it is the turn of another."""
        if self._waiting:
            media = self._waiting.popleft()()
            self._running[asyncio.create_task(media.connect(), name=f"{media.name} racing")] = media
        timeout_s = self._head_start_s if self._waiting else None
        done, _ = await asyncio.wait(
            self._running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        # In the order in which they began: of two at once the one that the server prefers.
        for task in [task for task in self._running if task in done]:
            error = task.exception()
            if error is None:
                return self._running.pop(task)
            media = self._running.pop(task)
            self._let_go(media)
            if not isinstance(error, CallRefusedError | ServerUnreachableError):
                raise error
            if self._is_final(error):
                raise error
            self.failures.append((media.name, error))
        return None

    async def _stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for media in self._running.values():
            self._let_go(media)
        self._running.clear()


def none_got_through(failures: Sequence[tuple[TransportName, CallError]]) -> CallError:
    """Returns the error of the only transport that was tried, or one with the reasons of all."""
    if len(failures) == 1:
        return failures[0][1]
    reasons = "; ".join(f"{name}: {error}" for name, error in failures)
    return ServerUnreachableError(f"no transport got through: {reasons}")
