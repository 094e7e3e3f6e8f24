"""The sites of all publishable keys, for what must know before it knows the key.

A browser asks first whether a page may send a request at all, and shows no credential then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from voice_agent.core.errors import StorageUnavailableError

REFRESH_S: Final = 3.0
"""How often it is read again, as other processes make and revoke keys too."""


class OriginBook:
    """Knows the origins that `read` returns, as they were a few seconds ago."""

    def __init__(self, read: Callable[[], Awaitable[frozenset[str]]]) -> None:
        self._read = read
        self._origins: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def __contains__(self, origin: object) -> bool:
        """Return whether a page of `origin` may use some publishable key."""
        return origin in self._origins

    async def refresh(self) -> None:
        """Read it again now."""
        self._origins = await self._read()

    async def start(self) -> None:
        """Read it, and go on reading it every few seconds until it is closed."""
        await self.refresh()
        self._task = asyncio.create_task(self._keep_fresh(), name="origins of keys")

    async def close(self) -> None:
        """Read it no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        is_failing = False
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
                is_failing = False
            except StorageUnavailableError as error:
                if not is_failing:
                    logger.warning("the origins of publishable keys cannot be read: {}", error)
                is_failing = True
