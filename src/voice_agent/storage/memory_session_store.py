"""A session store in this process's memory: nothing survives the process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voice_agent.core.errors import OwnershipLostError, SessionNotFoundError
from voice_agent.core.session import Checkpoint, SessionState
from voice_agent.core.session_store import Claim

ENDED_LIMIT = 200
"""How many sessions that are over it remembers."""


@dataclass
class _Entry:
    claim: Claim
    checkpoint: Checkpoint


class MemorySessionStore:
    """Implements `SessionStore`. The oldest sessions that are over are forgotten."""

    def __init__(self, *, ended_limit: int = ENDED_LIMIT) -> None:
        self._ended_limit = ended_limit
        self._entries: dict[str, _Entry] = {}
        self._ended: dict[str, None] = {}

    @property
    def outlives_process(self) -> bool:
        """Nothing does."""
        return False

    async def create(self, checkpoint: Checkpoint, owner: str) -> Claim:
        """Keep a new session, owned by `owner`; raise ValueError when its id is taken."""
        session_id = checkpoint.session_id
        if session_id in self._entries:
            raise ValueError(f"session {session_id} exists already")
        claim = Claim(session_id, owner, epoch=1)
        self._entries[session_id] = _Entry(claim, checkpoint)
        return claim

    async def load(self, session_id: str) -> Checkpoint:
        """Return the last checkpoint; raise SessionNotFoundError when there is none."""
        return self._entry(session_id).checkpoint

    async def claim(self, session_id: str, owner: str) -> tuple[Claim, Checkpoint]:
        """Take ownership; raise SessionNotFoundError when there is no such session."""
        entry = self._entry(session_id)
        entry.claim = replace(entry.claim, owner=owner, epoch=entry.claim.epoch + 1)
        return entry.claim, entry.checkpoint

    async def owner(self, session_id: str) -> str | None:
        """Return who has the session, None when nobody has."""
        entry = self._entries.get(session_id)
        return (entry.claim.owner or None) if entry else None

    async def checkpoint(self, claim: Claim, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint; raise OwnershipLostError when `claim` is not the current one."""
        entry = self._entry(claim.session_id)
        if entry.claim.epoch != claim.epoch:
            raise OwnershipLostError(
                f"session {claim.session_id} is at epoch {entry.claim.epoch}, "
                f"this write has {claim.epoch}"
            )
        entry.checkpoint = checkpoint
        if checkpoint.state is SessionState.ENDED:
            self._ended[claim.session_id] = None
            while len(self._ended) > self._ended_limit:
                oldest = next(iter(self._ended))
                await self.remove(oldest)

    async def release(self, claim: Claim) -> None:
        """Give ownership up; an outdated claim changes nothing."""
        entry = self._entries.get(claim.session_id)
        if entry and entry.claim == claim:
            entry.claim = replace(claim, owner="")

    async def remove(self, session_id: str) -> None:
        """Forget the session."""
        self._entries.pop(session_id, None)
        self._ended.pop(session_id, None)

    async def touch(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Return those that are not current; who owns a session lives as long as this store."""
        current = {session_id: entry.claim.epoch for session_id, entry in self._entries.items()}
        return [claim for claim in claims if current.get(claim.session_id) != claim.epoch]

    async def abandoned(self, silent_s: float) -> Sequence[str]:  # noqa: ARG002
        """Return nothing: who owned a session is gone together with this store."""
        return ()

    async def remove_over(self, older_s: float) -> None:
        """Do nothing: only so many are kept."""

    def _entry(self, session_id: str) -> _Entry:
        try:
            return self._entries[session_id]
        except KeyError:
            raise SessionNotFoundError(f"no session has the id '{session_id}'") from None
