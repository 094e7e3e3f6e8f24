"""What one process tells of itself to who operates the host."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from voice_agent.observability.provider_health import ProviderHealth


@dataclass(frozen=True)
class ProcessState:
    """A process as it is now.

    `started_at` is wall time in seconds, `sessions` how many of its sessions are in which state,
    `max_sessions` how many it takes, `not_ready` what keeps it from taking one more. `memory` is
    what it holds, in bytes, None where the system does not tell.
    """

    name: str
    started_at: float
    sessions: Mapping[str, int]
    max_sessions: int
    not_ready: str | None
    memory: int | None
    providers: Sequence[ProviderHealth]


def to_json(state: ProcessState) -> Any:
    """Return `state` in a form that JSON has; `from_json` reads it."""
    return asdict(state)


def from_json(value: Any) -> ProcessState:
    """Return the state that `to_json` was given.

    Raises:
        TypeError, KeyError: It was given something else.
    """
    providers = tuple(ProviderHealth(**each) for each in value["providers"])
    return ProcessState(**{**value, "providers": providers})
