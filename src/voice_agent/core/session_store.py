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
    """Keeps checkpoints and knows who owns which session.

    What can fail says so with StorageUnavailableError.
    """

    @property
    def outlives_process(self) -> bool:
        """Whether another process, or this one started anew, finds what is kept here."""

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

    async def owner(self, session_id: str) -> str | None:
        """Return who has the session, or had it last; None when nobody has, or there is none."""

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

    async def touch(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Say that the owner of `claims` lives; return those of them that are not current now."""

    async def abandoned(self, silent_s: float) -> Sequence[str]:
        """Return ids of sessions that are not over and of which nothing was heard in `silent_s`.

        Some of them, where they are many.
        """

    async def remove_over(self, older_s: float) -> None:
        """Forget sessions that were over `older_s` seconds ago; what is archived stays there."""
