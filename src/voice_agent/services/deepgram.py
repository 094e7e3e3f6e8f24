"""Provider `deepgram`: speech to text by Deepgram, through Pipecat's own service."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from deepgram import AsyncDeepgramClient
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.stt_latency import DEEPGRAM_TTFS_P99

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource, ResourceKey, ResourceKind
from voice_agent.services.deepgram_hearing import PromptDeepgramSTTService, make_client
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.transcript_timing import transcript_latency_s

KEY_VARIABLE: Final = "DEEPGRAM_API_KEY"


class DeepgramProvider:
    """Deepgram's streaming recogniser, one connection a leg; its model is `nova-3-general`."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

        async def create() -> AsyncDeepgramClient:
            return await asyncio.to_thread(make_client, self._api_key, options.base_url or "")

        self._client: Resource[AsyncDeepgramClient] = Resource(
            ResourceKey(ResourceKind.SHARED, "http", "deepgram"), create
        )

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what makes the legs' own connections."""
        del agent
        return (self._client,)

    def build(self, agent: Agent, lease: Lease) -> DeepgramSTTService:
        """Return a speech-to-text service for one leg."""
        return PromptDeepgramSTTService(
            client=lease.get(self._client),
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
        return self._options.api_key or ""
