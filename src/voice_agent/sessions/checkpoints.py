"""Writes a session's checkpoints, off the audio path, the latest one only."""

import asyncio
from collections.abc import Callable

from loguru import logger

from voice_agent.core.errors import OwnershipLostError, SessionNotFoundError
from voice_agent.core.session import Checkpoint
from voice_agent.core.session_store import Claim, SessionStore

STORE_TIMEOUT_S = 10.0
"""How long one call of the store may take."""
RETRY_PAUSE_S = 2.0
"""Seconds between tries while the store fails."""


class CheckpointWriter:
    """Owns the claim on one session, and the task that writes.

    A store that fails or hangs does not end the call: what it did not take is written again until
    it does. One that says that another owner has the session is believed: `on_lost` is called and
    nothing more is written.
    """

    def __init__(
        self,
        store: SessionStore,
        claim: Claim,
        read: Callable[[], Checkpoint],
        on_lost: Callable[[], None],
    ) -> None:
        self._store = store
        self._claim = claim
        self._read = read
        self._on_lost = on_lost
        self._is_lost = False
        self._changed = asyncio.Event()
        self._log = logger.bind(session_id=claim.session_id)
        self._task = asyncio.create_task(self._run(), name=f"{claim.session_id} checkpoints")

    @property
    def is_lost(self) -> bool:
        """Whether another owner has the session."""
        return self._is_lost

    def changed(self) -> None:
        """Write soon what the session is then."""
        self._changed.set()

    async def write(self) -> None:
        """Write what the session is now; return when it is kept, refused, or could not be kept."""
        if not await self._try():
            self._changed.set()

    async def close(self) -> None:
        """Write the last checkpoint and give the session up, unless it is lost."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._is_lost:
            return
        if not await self._try():
            self._log.error("the session's last checkpoint could not be written")
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.release(self._claim)
        except Exception as error:  # noqa: BLE001 - what is not released is claimed by epoch
            self._log.warning("the session could not be released: {!r}", error)

    async def _run(self) -> None:
        while not self._is_lost:
            await self._changed.wait()
            self._changed.clear()
            if not await self._try():
                self._changed.set()
                await asyncio.sleep(RETRY_PAUSE_S)

    async def _try(self) -> bool:
        """Return whether nothing is left to write."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.checkpoint(self._claim, self._read())
        except (OwnershipLostError, SessionNotFoundError) as error:
            if not self._is_lost:
                self._is_lost = True
                self._log.warning("the session is no longer ours: {}", error)
                self._on_lost()
        except Exception as error:  # noqa: BLE001 - a store that fails must not end the call
            self._log.error("a checkpoint could not be written, trying again: {!r}", error)
            return False
        return True
