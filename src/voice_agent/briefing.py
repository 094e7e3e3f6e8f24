"""What a process of several is told by the supervisor before anything else.

It goes over a pair of sockets that nobody else can reach, not by arguments or the environment,
which other users of the machine can read: the settings hold keys.
"""

import pickle
from dataclasses import dataclass

from voice_agent.config import Settings
from voice_agent.core.process_ids import process_name


@dataclass(frozen=True)
class Briefing:
    """The settings of the host, and which of its processes this is, counted from 0."""

    settings: Settings
    index: int

    @property
    def name(self) -> str:
        """The process's name."""
        return process_name(self.index, self.settings.server)

    @property
    def count(self) -> int:
        """How many processes there are."""
        return self.settings.workers


def pack(briefing: Briefing) -> bytes:
    """Return `briefing` as bytes, secrets and all."""
    return pickle.dumps(briefing)


def unpack(content: bytes) -> Briefing:
    """Return the briefing that `pack` of the same program was given."""
    briefing = pickle.loads(content)  # noqa: S301 - from the supervisor that started this process
    assert isinstance(briefing, Briefing)
    return briefing
