"""How sessions, agents and resources look from outside."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker, Turn, TurnState
from voice_agent.core.events import Event, LatencyMeasured
from voice_agent.core.recording import Recording
from voice_agent.core.service_pool import ResourceKind, ResourceStatistics
from voice_agent.core.session import Checkpoint, EndReason, SessionState

_WORD_BEGIN = re.compile(r"(?<!^)(?=[A-Z])")


def moment(wall_time: float) -> datetime:
    """Return seconds since the Unix epoch as a time in UTC."""
    return datetime.fromtimestamp(wall_time, UTC)


def _moment_or_none(wall_time: float | None) -> datetime | None:
    return None if wall_time is None else moment(wall_time)


class AgentView(BaseModel):
    """An agent, in a list."""

    id: str
    name: str
    language: str
    version: str = Field(description="Changes whenever anything about the agent does.")

    @classmethod
    def of(cls, agent: Agent) -> "AgentView":
        """Return the view of `agent`."""
        return cls(id=agent.id, name=agent.name, language=agent.language, version=agent.version)


class AgentList(BaseModel):
    """All agents, by id."""

    agents: list[AgentView]


class AgentDetail(AgentView):
    """An agent as its author wrote it."""

    greeting: str | None
    instructions: str | None
    knowledge: list[dict[str, Any]]
    turn: dict[str, Any]
    client: dict[str, Any]
    limits: dict[str, Any]
    recording: bool

    @classmethod
    def of(cls, agent: Agent) -> "AgentDetail":
        """Return the view of `agent`."""
        return cls(version=agent.version, **asdict(agent))


class SessionView(BaseModel):
    """A session, in a list."""

    session_id: str
    state: SessionState
    agent: AgentView
    created_at: datetime
    connected_at: datetime | None = Field(description="When its first leg began.")
    ended_at: datetime | None
    end_reason: EndReason | None
    legs: int = Field(description="How many connections have carried it.")
    turns: int = Field(description="How many turns were taken, by both sides.")

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "SessionView":
        """Return the view of a session."""
        return cls(**_summary(checkpoint))


class SessionList(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionView]


class TurnView(BaseModel):
    """A turn; of the agent's words those that were really heard."""

    speaker: Speaker
    text: str
    started_at: datetime
    state: TurnState

    @classmethod
    def of(cls, turn: Turn) -> "TurnView":
        """Return the view of `turn`."""
        at = moment(turn.started_at)
        return cls(speaker=turn.speaker, text=turn.text, started_at=at, state=turn.state)


class LatencyView(BaseModel):
    """How long the user waited once, in seconds; the parts add up to the whole."""

    at: datetime
    total_s: float
    turn_s: float
    llm_s: float
    tts_s: float


class TimelineEntry(BaseModel):
    """Something that happened."""

    number: int
    at: datetime
    offset_s: float = Field(description="Seconds since the first entry, by the steady clock.")
    type: str
    data: dict[str, Any]


class RecordingView(BaseModel):
    """A recording, of one leg of a session; one that still grows as it is now."""

    number: int = Field(description="Counted from 1 in each session.")
    started_at: datetime
    duration_s: float
    bytes: int

    @classmethod
    def of(cls, recording: Recording) -> "RecordingView":
        """Return the view of `recording`."""
        return cls(
            number=recording.number,
            started_at=moment(recording.started_at),
            duration_s=round(recording.duration_s, 3),
            bytes=recording.bytes,
        )


class RecordingList(BaseModel):
    """The recordings of a session, oldest first."""

    recordings: list[RecordingView]


class SessionDetail(SessionView):
    """A session with all that was said in it."""

    transcript: list[TurnView]
    latency: list[LatencyView] = Field(description="Of each answered turn, of a live session.")
    timeline: list[TimelineEntry] = Field(description="The last events, of a live session.")
    recordings: list[RecordingView]

    @classmethod
    def of_session(
        cls, checkpoint: Checkpoint, events: Sequence[Event], recordings: Sequence[Recording]
    ) -> "SessionDetail":
        """Return the view of a session, its events and its recordings."""
        return cls(
            **_summary(checkpoint),
            transcript=[TurnView.of(turn) for turn in checkpoint.conversation.turns],
            latency=list(_latency(events)),
            timeline=list(_timeline(events)),
            recordings=[RecordingView.of(each) for each in recordings],
        )


class ResourceView(BaseModel):
    """A resource of the service pool. Its configuration stays inside."""

    kind: ResourceKind
    purpose: str
    provider: str
    agent_version: str | None
    size: int = Field(description="How many exist; of slots, how many there are.")
    in_use: int = Field(description="How many leases hold one.")
    idle: int = Field(description="How many could be lent at once.")
    building: int
    waiting: int = Field(description="How many leases wait for one now.")
    waits: int = Field(description="How many leases had to wait, and do so no more.")
    wait_total_s: float
    wait_longest_s: float
    created: int
    reused: int = Field(description="How often a lease got what another had had.")
    failures: int = Field(description="How many builds failed.")
    quarantined: int = Field(description="How many failed their reset or health check.")
    retired: int = Field(description="How many were closed for their age, or as not needed.")

    @classmethod
    def of(cls, statistics: ResourceStatistics) -> "ResourceView":
        """Return the view of one resource."""
        counts = asdict(statistics)
        key = counts.pop("key")
        del key["configuration"]
        return cls(**key, **counts)


class PoolView(BaseModel):
    """What the service pools of all processes hold together."""

    processes: int = Field(description="How many processes the counts are of.")
    resources: list[ResourceView]


def _summary(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "session_id": checkpoint.session_id,
        "state": checkpoint.state,
        "agent": AgentView.of(checkpoint.agent),
        "created_at": moment(checkpoint.created_at),
        "connected_at": _moment_or_none(checkpoint.connected_at),
        "ended_at": _moment_or_none(checkpoint.ended_at),
        "end_reason": checkpoint.end_reason,
        "legs": checkpoint.legs,
        "turns": len(checkpoint.conversation.turns),
    }


def _latency(events: Iterable[Event]) -> Iterable[LatencyView]:
    for event in events:
        if isinstance(event.payload, LatencyMeasured):
            yield LatencyView(at=moment(event.wall_time), **asdict(event.payload))


def _timeline(events: Sequence[Event]) -> Iterable[TimelineEntry]:
    for event in events:
        yield TimelineEntry(
            number=event.number,
            at=moment(event.wall_time),
            offset_s=round(event.monotonic_time - events[0].monotonic_time, 4),
            type=_WORD_BEGIN.sub("_", type(event.payload).__name__).lower(),
            data=asdict(event.payload),
        )
