"""Checkpoints as text, for the stores that keep them outside this process."""

from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from voice_agent.core.agent import AGENT_ADAPTER, Agent
from voice_agent.core.session import Checkpoint

_AGENTS_KEPT: Final = 128
"""Agents whose text, and texts whose agent, is remembered: a store sees few, again and again."""
_CHECKPOINT: Final = TypeAdapter(Checkpoint)
_FIELDS: Final = tuple(
    name for name in Checkpoint.__dataclass_fields__ if name not in ("agent", "conversation")
)


def encode_agent(agent: Agent) -> str:
    """Return `agent` in JSON."""
    return _agent_text(_Version(agent))


def decode_agent(text: str) -> Agent:
    """Return the agent of a text that `encode_agent` made."""
    return _agent_of(text)


def encode(checkpoint: Checkpoint) -> str:
    """Return all of `checkpoint` but its agent, in JSON."""
    content: dict[str, Any] = {name: getattr(checkpoint, name) for name in _FIELDS}
    content["conversation"] = checkpoint.conversation
    return to_json(content).decode()


def decode(agent: str, content: str) -> Checkpoint:
    """Return the checkpoint of the texts that `encode_agent` and `encode` made."""
    return _CHECKPOINT.validate_python({**from_json(content), "agent": decode_agent(agent)})


class _Version:
    """An agent, the same as every other of its version."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def __hash__(self) -> int:
        return hash(self.agent.version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and other.agent.version == self.agent.version


@lru_cache(_AGENTS_KEPT)
def _agent_text(version: _Version) -> str:
    return to_json(asdict(version.agent)).decode()


@lru_cache(_AGENTS_KEPT)
def _agent_of(text: str) -> Agent:
    return AGENT_ADAPTER.validate_json(text)
