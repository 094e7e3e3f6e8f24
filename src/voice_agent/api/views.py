"""How sessions, agents and resources look from outside."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from voice_agent.bot.agent_catalog import AgentOrigin, ListedAgent
from voice_agent.core.agent import Agent
from voice_agent.core.conversation import Speaker, TurnState
from voice_agent.core.recording import Recording
from voice_agent.core.service_pool import ResourceKind, ResourceStatistics
from voice_agent.core.session import EndReason, SessionState
from voice_agent.core.session_journal import (
    RememberedEvent,
    RememberedSession,
    RememberedTurn,
)
from voice_agent.sessions.records import SessionRecord
from voice_agent.storage.stored_agents import AgentVersion


def moment(wall_time: float) -> datetime:
    """Return seconds since the Unix epoch as a time in UTC."""
    return datetime.fromtimestamp(wall_time, UTC)


def moment_or_none(wall_time: float | None) -> datetime | None:
    """Return seconds since the Unix epoch as a time in UTC, None for None."""
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


class AgentListEntry(AgentView):
    """An agent in a list, and where it is described."""

    origin: AgentOrigin = Field(description="`file`: it can only be changed on the server.")

    @classmethod
    def of_listed(cls, listed: ListedAgent) -> "AgentListEntry":
        """Return the view of an agent of the catalog."""
        return cls(**AgentView.of(listed.agent).model_dump(), origin=listed.origin)


class AgentList(BaseModel):
    """All agents, by id."""

    agents: list[AgentListEntry]


class AgentDetail(AgentListEntry):
    """An agent as its author wrote it."""

    greeting: str | None
    instructions: str | None
    variables: list[dict[str, Any]]
    knowledge: list[dict[str, Any]]
    turn: dict[str, Any]
    client: dict[str, Any]
    limits: dict[str, Any]
    recording: bool

    @classmethod
    def of_listed(cls, listed: ListedAgent) -> "AgentDetail":
        """Return the view of an agent of the catalog."""
        agent = listed.agent
        return cls(version=agent.version, origin=listed.origin, **asdict(agent))


class AgentVersionView(BaseModel):
    """One version of an agent."""

    number: int
    version: str
    created_at: datetime
    definition: dict[str, Any]

    @classmethod
    def of(cls, version: AgentVersion) -> "AgentVersionView":
        """Return the view of one version."""
        return cls(
            number=version.number,
            version=version.agent.version,
            created_at=moment(version.created_at),
            definition=asdict(version.agent),
        )


class AgentVersionList(BaseModel):
    """All versions of an agent, newest first."""

    versions: list[AgentVersionView]


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
    metadata: dict[str, Any] = Field(description="What who made it noted of it.")

    @classmethod
    def of(cls, session: RememberedSession) -> "SessionView":
        """Return the view of a session."""
        return cls(**_summary(session))


class SessionList(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionView]
    next_cursor: str | None = Field(description="Of the next page, null on the last one.")


class TurnView(BaseModel):
    """A turn; of the agent's words those that were really heard."""

    speaker: Speaker
    text: str | None = Field(description="Null where transcripts are not kept.")
    started_at: datetime
    state: TurnState

    @classmethod
    def of(cls, turn: RememberedTurn) -> "TurnView":
        """Return the view of `turn`."""
        return cls(
            speaker=Speaker(turn.speaker),
            text=turn.text,
            started_at=moment(turn.started_at),
            state=TurnState(turn.state),
        )


class LatencyView(BaseModel):
    """How long the user waited once, in seconds; the parts add up to the whole.

    The finer parts are null in sessions of earlier versions, those of `tts_s` also for a voice
    that does not tell them.
    """

    at: datetime = Field(description="When the first audio was sent.")
    total_s: float = Field(description="From the end of speech: turn_s + llm_s + tts_s.")
    turn_s: float = Field(description="Until the turn was over: verdict_s + stt_s.")
    llm_s: float = Field(description="Until the language model's first words.")
    tts_s: float = Field(description="Until the first audio out: synthesis_s + output_s.")
    verdict_s: float | None = Field(
        default=None, description="Until it was known that the user has finished."
    )
    stt_s: float | None = Field(
        default=None, description="The further wait for the transcript; 0 when it came first."
    )
    synthesis_s: float | None = Field(
        default=None, description="Until the voice had made the first audio."
    )
    output_s: float | None = Field(default=None, description="Until that audio was sent.")


class EventView(BaseModel):
    """Something that happened."""

    number: int
    at: datetime
    type: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: RememberedEvent) -> "EventView":
        """Return the view of an event."""
        at = moment(event.wall_time)
        return cls(number=event.number, at=at, type=event.type, data=dict(event.data))


class TimelineEntry(EventView):
    """Something that happened, and how long after the beginning."""

    offset_s: float = Field(description="Seconds since the first entry.")


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
    latency: list[LatencyView] = Field(description="Of each answered turn.")
    timeline: list[TimelineEntry] = Field(
        description="The first thousand events; subscribe to `events` for all of them."
    )
    recordings: list[RecordingView]

    @classmethod
    def of_record(cls, record: SessionRecord, recordings: Sequence[Recording]) -> "SessionDetail":
        """Return the view of all that is known of a session, and of its recordings."""
        return cls(
            **_summary(record.session),
            transcript=[TurnView.of(turn) for turn in record.turns],
            latency=[
                LatencyView(at=moment(event.wall_time), **event.data) for event in record.latencies
            ],
            timeline=list(_timeline(record.timeline)),
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


def _summary(session: RememberedSession) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "state": session.state,
        "agent": AgentView(
            id=session.agent_id,
            name=session.agent_name,
            language=session.language,
            version=session.agent_version,
        ),
        "created_at": moment(session.created_at),
        "connected_at": moment_or_none(session.connected_at),
        "ended_at": moment_or_none(session.ended_at),
        "end_reason": session.end_reason,
        "legs": session.legs,
        "turns": session.turns,
        "metadata": dict(session.metadata),
    }


def _timeline(events: Sequence[RememberedEvent]) -> Iterable[TimelineEntry]:
    for event in events:
        offset_s = round(event.wall_time - events[0].wall_time, 4)
        yield TimelineEntry(**EventView.of(event).model_dump(), offset_s=offset_s)
