"""Provider `cartesia`: text to speech by Cartesia, through Pipecat's own service."""

from collections.abc import Sequence
from typing import Any, Final

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.cartesia_speech import PromptCartesiaTTSService
from voice_agent.services.provider import ProviderOptions
from voice_agent.services.tls_context import TLS_CONTEXT

KEY_VARIABLE: Final = "CARTESIA_API_KEY"
BASE_URL: Final = "https://api.cartesia.ai"


class CartesiaProvider:
    """Cartesia's streaming voices, one connection a leg; its model is `sonic-3.6`."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return what the legs' own connections share."""
        del agent
        return (TLS_CONTEXT,)

    def build(self, agent: Agent, lease: Lease) -> PromptCartesiaTTSService:
        """Return a text-to-speech service for one leg."""
        return PromptCartesiaTTSService(
            tls=lease.get(TLS_CONTEXT),
            api_key=self._api_key,
            url=_websocket_url(self._options.base_url or BASE_URL),
            settings=PromptCartesiaTTSService.Settings(
                model=self._options.model or "sonic-3.6",
                voice=self._options.voice,
                language=agent.language.split("-", maxsplit=1)[0],
            ),
        )

    async def check(self) -> Sequence[str]:
        """Return what the settings lack: the key, the voice."""
        problems = []
        if not self._api_key:
            problems.append(f"Cartesia needs a key: set {KEY_VARIABLE} or VOICE_AGENT_TTS_API_KEY")
        if not self._options.voice:
            problems.append(
                "VOICE_AGENT_TTS_VOICE is not set: give the id of one of Cartesia's voices, "
                "from https://play.cartesia.ai/voices"
            )
        return problems

    @property
    def _api_key(self) -> str:
        return self._options.api_key or ""


def _websocket_url(base_url: str) -> str:
    scheme, _, rest = base_url.rstrip("/").partition("://")
    return f"{'ws' if scheme == 'http' else 'wss'}://{rest}/tts/websocket"
