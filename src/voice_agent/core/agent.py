"""What an agent is: instructions, knowledge, turn-taking, limits."""

import hashlib
import json
from dataclasses import asdict, field
from functools import cached_property
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass as validated_dataclass

_STRICT_FIELDS = ConfigDict(extra="forbid", str_strip_whitespace=True)

AGENT_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Phrase = Annotated[str, Field(min_length=1, max_length=500)]


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class KnowledgeEntry:
    """One thing the agent knows: ways to ask for it, and what to say."""

    questions: Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=50)]
    answer: Text


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class Variable:
    """A value that each session brings: it fills `{name}` in greeting and instructions.

    Without a `default` every session must bring it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    default: Annotated[str, Field(max_length=500)] | None = None


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class TurnSettings:
    """When a turn of the user begins and ends.

    `start_s` and `stop_s` are seconds of speech and of silence before voice activity changes,
    `confidence` is the voice probability that counts as speech, `max_wait_s` the longest silence
    in seconds after which a turn is over even if it sounded unfinished.
    """

    start_s: Annotated[float, Field(ge=0.02, le=2)] = 0.2
    stop_s: Annotated[float, Field(ge=0.05, le=5)] = 0.2
    confidence: Annotated[float, Field(ge=0.05, le=0.99)] = 0.7
    interruptible: bool = True
    max_wait_s: Annotated[float, Field(ge=0.1, le=30)] = 3.0


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class ClientPermissions:
    """What a client may send beyond audio: typed text, results of functions, keys.

    Keys become a turn of the user. Results pass to the language model, which ignores them as long
    as agents have no functions that it could have called.
    """

    text: bool = True
    function_results: bool = False
    dtmf: bool = True


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class Limits:
    """How long a session may last and how long it may be idle, in seconds."""

    max_duration_s: Annotated[float, Field(gt=0, le=86_400)] = 1800.0
    idle_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 300.0


@validated_dataclass(frozen=True, config=_STRICT_FIELDS)
class Agent:
    """One agent as its author wrote it; immutable, so a session keeps what it began with."""

    id: Annotated[str, Field(pattern=AGENT_ID_PATTERN)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en-US"
    greeting: Text | None = None
    instructions: Text | None = None
    variables: Annotated[tuple[Variable, ...], Field(max_length=50)] = ()
    knowledge: Annotated[tuple[KnowledgeEntry, ...], Field(max_length=2000)] = ()
    turn: TurnSettings = field(default_factory=TurnSettings)
    client: ClientPermissions = field(default_factory=ClientPermissions)
    limits: Limits = field(default_factory=Limits)
    recording: bool = False
    """Whether its calls are recorded, where the operator allows that."""

    @model_validator(mode="after")
    def _has_something_to_say(self) -> "Agent":
        if self.greeting is None and self.instructions is None:
            raise ValueError("give it a 'greeting', 'instructions' or both")
        return self

    @model_validator(mode="after")
    def _variables_differ(self) -> "Agent":
        names = [variable.name for variable in self.variables]
        if len(set(names)) != len(names):
            raise ValueError("give each variable a name of its own")
        return self

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that change whenever anything about the agent changes."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


AGENT_ADAPTER: TypeAdapter[Agent] = TypeAdapter(Agent)
"""Validates untrusted data (YAML, JSON) into an `Agent`."""
