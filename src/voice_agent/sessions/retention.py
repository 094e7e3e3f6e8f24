"""Removes sessions that are over for long, with all that they left."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from loguru import logger

from voice_agent.core.errors import StorageUnavailableError

INTERVAL_S: Final = 600.0
"""Seconds between two looks."""
A_DAY_S: Final = 24 * 3600.0


class Retention:
    """Looks now and then, in a task of its own.

    Args:
        days: How long sessions that are over are kept; None: for ever.
        ended_before: Returns ids of sessions that ended before a wall time in seconds.
        erase: Forgets a session.
        others: What else is to be done with every look.
        wall_time: Returns seconds since the Unix epoch.
    """

    def __init__(
        self,
        days: float | None,
        ended_before: Callable[[float], Awaitable[Sequence[str]]],
        erase: Callable[[str], Awaitable[None]],
        others: Sequence[Callable[[], Awaitable[None]]],
        wall_time: Callable[[], float],
    ) -> None:
        self._days = days
        self._ended_before = ended_before
        self._erase = erase
        self._others = others
        self._wall_time = wall_time
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Remove what is too old, and return how many sessions that were.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        removed = 0
        if self._days is not None:
            oldest = self._wall_time() - self._days * A_DAY_S
            while session_ids := await self._ended_before(oldest):
                for session_id in session_ids:
                    await self._erase(session_id)
                removed += len(session_ids)
        for work in self._others:
            await work()
        return removed

    async def _run(self) -> None:
        while True:
            try:
                if removed := await self.look():
                    logger.info("{} sessions were old enough to be removed", removed)
            except StorageUnavailableError as error:
                logger.warning("old sessions cannot be removed now: {}", error)
            except Exception:  # noqa: BLE001 - one look that fails must not be the last
                logger.exception("old sessions could not be removed")
            await asyncio.sleep(INTERVAL_S)
