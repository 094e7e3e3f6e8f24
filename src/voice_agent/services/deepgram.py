"""Provider `deepgram`: speech to text by Deepgram, through Pipecat's own service."""

import os
from collections.abc import Sequence
from typing import Any, Final

from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.stt_latency import DEEPGRAM_TTFS_P99

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.deepgram_hearing import PromptDeepgramSTTService
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.transcript_timing import transcript_latency_s

KEY_VARIABLE: Final = "DEEPGRAM_API_KEY"


class DeepgramProvider:
    """Deepgram's streaming recogniser, one connection a leg; its model is `nova-3-general`."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return nothing: a leg opens its own connection."""
        del agent
        return ()

    def build(self, agent: Agent, lease: Lease) -> DeepgramSTTService:
        """Return a speech-to-text service for one leg."""
        del lease
        return PromptDeepgramSTTService(
            api_key=self._api_key,
            base_url=self._options.base_url or "",
            settings=DeepgramSTTService.Settings(
                model=self._options.model or "nova-3-general", language=agent.language
            ),
            ttfs_p99_latency=transcript_latency_s(agent, DEEPGRAM_TTFS_P99),
        )

    async def check(self) -> Sequence[str]:
        """Return what the settings lack: the key."""
        if self._api_key:
            return ()
        return (f"Deepgram needs a key: set {KEY_VARIABLE} or VOICE_AGENT_STT_API_KEY",)

    @property
    def _api_key(self) -> str:
        return self._options.api_key or os.environ.get(KEY_VARIABLE, "")
