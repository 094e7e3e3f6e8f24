"""How processes and providers look from outside."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from voice_agent.api.redaction import without_secrets
from voice_agent.api.views import moment, moment_or_none
from voice_agent.core.session import SessionState
from voice_agent.observability.process_state import ProcessState
from voice_agent.observability.provider_health import ProviderHealth, together


class ProcessView(BaseModel):
    """A process that takes calls."""

    name: str = Field(description="Ids of its sessions begin with it.")
    started_at: datetime
    ready: bool
    not_ready_reason: str | None
    sessions: dict[SessionState, int] = Field(description="Its live sessions by state.")
    max_sessions: int
    memory_bytes: int | None = Field(description="Null where the system does not tell.")

    @classmethod
    def of(cls, state: ProcessState) -> "ProcessView":
        """Return the view of one process."""
        return cls(
            name=state.name,
            started_at=moment(state.started_at),
            ready=state.not_ready is None,
            not_ready_reason=state.not_ready,
            sessions={SessionState(name): count for name, count in state.sessions.items()},
            max_sessions=state.max_sessions,
            memory_bytes=state.memory,
        )


class ProviderState(StrEnum):
    """What the calls found out about a provider."""

    UNUSED = "unused"
    HEALTHY = "healthy"
    FAILING = "failing"


class ProviderErrorView(BaseModel):
    """The last time that a provider failed."""

    at: datetime
    message: str


class ProviderView(BaseModel):
    """A configured provider, and whether it works. What is secret of it stays inside."""

    stage: str = Field(description="`stt`, `llm` or `tts`.")
    name: str
    model: str | None = Field(description="As configured; null: the provider's own default.")
    state: ProviderState = Field(description="`unused`: no call asked it for anything yet.")
    failing_since: datetime | None = Field(description="When it first failed since it worked.")
    worked_at: datetime | None = Field(description="When it last worked.")
    failures: int = Field(description="Since the processes started.")
    last_error: ProviderErrorView | None

    @classmethod
    def of(cls, health: ProviderHealth) -> "ProviderView":
        """Return the view of one provider."""
        state = ProviderState.HEALTHY if health.worked_at else ProviderState.UNUSED
        return cls(
            stage=health.stage,
            name=health.name,
            model=health.model,
            state=ProviderState.FAILING if health.failing_since is not None else state,
            failing_since=moment_or_none(health.failing_since),
            worked_at=moment_or_none(health.worked_at),
            failures=health.failures,
            last_error=_last_error(health),
        )


class SystemView(BaseModel):
    """The host: its processes, and the providers that they use."""

    ready: bool = Field(description="Whether any process can take a call.")
    processes_wanted: int = Field(description="How many there should be.")
    processes: list[ProcessView] = Field(description="Those that answered, by name.")
    providers: list[ProviderView]

    @classmethod
    def of(cls, states: Sequence[ProcessState], wanted: int) -> "SystemView":
        """Return the view of all processes together."""
        rows = together(row for state in states for row in state.providers)
        return cls(
            ready=any(state.not_ready is None for state in states),
            processes_wanted=wanted,
            processes=[ProcessView.of(each) for each in sorted(states, key=lambda one: one.name)],
            providers=[ProviderView.of(row) for row in rows],
        )


def _last_error(health: ProviderHealth) -> ProviderErrorView | None:
    if health.failed_at is None or health.error is None:
        return None
    return ProviderErrorView(at=moment(health.failed_at), message=without_secrets(health.error))
