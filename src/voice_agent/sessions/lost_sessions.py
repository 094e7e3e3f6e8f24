"""Ends sessions whose owner is gone and whose client did not come back; shows that ours are not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from loguru import logger

from voice_agent.core.errors import StorageUnavailableError
from voice_agent.core.session_store import Claim, SessionStore

INTERVAL_S: Final = 10.0
"""Seconds between two looks."""
SILENCE_S: Final = 60.0
"""After how long without a sign an owner is taken for gone; it gives one with every look."""
OVER_KEPT_S: Final = 3600.0
"""How long the store keeps a session that is over, to tell who comes back to it."""


class LostSessions:
    """Looks into the store now and then, in a task of its own.

    Args:
        store: Where the sessions of all processes are.
        ours: Returns the claims of this process.
        went: Told of a session that another process has by now.
        end: Takes over a session and ends it.
        wait_s: How long a session waits for its client.
    """

    def __init__(
        self,
        store: SessionStore,
        ours: Callable[[], Sequence[Claim]],
        went: Callable[[str], None],
        end: Callable[[str], Awaitable[None]],
        wait_s: float,
    ) -> None:
        self._store = store
        self._ours = ours
        self._went = went
        self._end = end
        self._silent_s = max(SILENCE_S, wait_s + INTERVAL_S)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, if the store has anything to find."""
        if self._store.outlives_process and self._task is None:
            self._task = asyncio.create_task(self._run(), name="lost calls")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Say that ours live, and end those that are lost.

        Raises:
            StorageUnavailableError: The store does not answer.
        """
        for claim in await self._store.touch(self._ours()):
            self._went(claim.session_id)
        for session_id in await self._store.abandoned(self._silent_s):
            logger.bind(session_id=session_id).info("its owner is gone and nobody came back")
            await self._end(session_id)
        await self._store.remove_over(OVER_KEPT_S)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            try:
                await self.look()
            except StorageUnavailableError as error:
                logger.warning("lost sessions cannot be looked for: {}", error)
            except Exception:  # noqa: BLE001 - one look that fails must not be the last
                logger.exception("looking for lost sessions failed")
