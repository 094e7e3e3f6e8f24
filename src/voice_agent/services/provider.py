"""What a provider is: one configured source of speech-to-text, language model or text-to-speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, PoolSizes, Resource


class Stage(StrEnum):
    """The three things a provider can do in a call."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"


@dataclass(frozen=True)
class ProviderOptions:
    """What the settings say about one stage; None means the provider's own default."""

    model: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    voice: str | None = None
    pool: PoolSizes | None = None


class Provider(Protocol):
    """One configured provider of one stage, living as long as the process.

    It is cheap to construct (`Provider(options)`) and holds nothing: what is heavy or shared it
    declares as resources, and a leg's processor is built round what the pool lent for them.
    """

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what a leg of `agent` needs from the pool, the same keys for the same need."""

    def build(self, agent: Agent, lease: Lease) -> FrameProcessor:
        """Return a fresh Pipecat service for one leg, using what `lease` holds."""

    async def check(self) -> Sequence[str]:
        """Return what stands in the way of using it, one readable line each; empty when ready."""
