"""The store that keeps sessions: ownership with an epoch, and checkpoints.

A session has one owner at a time. `claim` raises the epoch; a write with an older one is refused,
so a process that was only paused cannot overwrite a call that went on elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voice_agent.core.session import Checkpoint


@dataclass(frozen=True)
class Claim:
    """Ownership of one session, as of one epoch."""

    session_id: str
    owner: str
    epoch: int


class SessionStore(Protocol):
    """Keeps checkpoints and knows who owns which session."""

    async def create(self, checkpoint: Checkpoint, owner: str) -> Claim:
        """Keep a new session, owned by `owner`.

        Raises:
            ValueError: A session with that id exists.
        """

    async def load(self, session_id: str) -> Checkpoint:
        """Return the last checkpoint.

        Raises:
            SessionNotFoundError: No session has that id.
        """

    async def claim(self, session_id: str, owner: str) -> tuple[Claim, Checkpoint]:
        """Take ownership from whoever has it; return it with the last checkpoint.

        Raises:
            SessionNotFoundError: No session has that id.
        """

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Replace the kept checkpoint; durable when this returns.

        Raises:
            OwnershipLostError: Somebody claimed the session after `claim`.
            SessionNotFoundError: The session was removed.
        """

    async def release(self, claim: Claim) -> None:
        """Give ownership up. Releasing a claim that is no longer current does nothing."""

    async def remove(self, session_id: str) -> None:
        """Forget the session. Removing an unknown one does nothing."""

    async def list(self) -> Sequence[Checkpoint]:
        """Return the last checkpoints of all sessions, newest first."""
