"""Provider `openai`: OpenAI, and every server that speaks its protocol.

Without a base URL it is OpenAI itself, which wants a key. With one it is any compatible server
(Ollama, vLLM, llama.cpp, Kokoro-FastAPI, speaches, ...), which may do without.
"""

from collections.abc import Sequence
from typing import Any, Final

from openai import AsyncOpenAI
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.stt_latency import OPENAI_TTFS_P99
from pipecat.transcriptions.language import Language

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.openai_http import HTTP_CLIENT, SharedHttpClient
from voice_agent.services.openai_speech import OpenAICompatibleTTSService
from voice_agent.services.provider import ProviderOptions, Stage
from voice_agent.services.transcript_timing import transcript_latency_s

OPENAI_BASE_URL: Final = "https://api.openai.com/v1"
_NO_KEY: Final = "not-needed"
"""Sent where no key is set: without any, the client would send `OPENAI_API_KEY` to anybody."""


class _OpenAIProvider:
    """What the three stages have in common."""

    stage: Stage

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the HTTP client that all legs share."""
        del agent
        return (HTTP_CLIENT,)

    async def check(self) -> Sequence[str]:
        """Return what the settings lack. No server is asked: it may come up after this one."""
        if self._options.api_key or not self._is_openai:
            return ()
        prefix = f"VOICE_AGENT_{self.stage.value.upper()}"
        mend = f"set OPENAI_API_KEY or {prefix}_API_KEY, or {prefix}_BASE_URL to a server without"
        return (f"OpenAI needs a key: {mend}",)

    @property
    def _base_url(self) -> str:
        return self._options.base_url or OPENAI_BASE_URL

    @property
    def _is_openai(self) -> bool:
        return self._base_url.rstrip("/") == OPENAI_BASE_URL

    @property
    def _api_key(self) -> str:
        return self._options.api_key or _NO_KEY

    def _http_client(self, lease: Lease) -> SharedHttpClient:
        """Return the client that all legs share, with connections to this provider's server."""
        client = lease.get(HTTP_CLIENT)
        client.open_ahead(self._base_url)
        return client

    def _model(self, openai: str, compatible: str) -> str:
        return self._options.model or (openai if self._is_openai else compatible)


class OpenAISTTProvider(_OpenAIProvider):
    """Speech to text: each stretch of speech is sent once it is over.

    The model is OpenAI's `gpt-transcribe`, elsewhere `whisper-1`, the name most servers answer to.
    """

    stage = Stage.STT

    def build(self, agent: Agent, lease: Lease) -> OpenAISTTService:
        """Return a speech-to-text service for one leg."""
        return OpenAISTTService(
            api_key=self._api_key,
            base_url=self._base_url,
            http_client=self._http_client(lease),
            settings=OpenAISTTService.Settings(
                model=self._model("gpt-transcribe", "whisper-1"),
                language=_whisper_language(agent.language),
            ),
            ttfs_p99_latency=transcript_latency_s(agent, OPENAI_TTFS_P99),
        )


class OpenAILLMProvider(_OpenAIProvider):
    """A language model; OpenAI's is `gpt-4.1`, another server's must be named."""

    stage = Stage.LLM

    def build(self, agent: Agent, lease: Lease) -> OpenAILLMService:
        """Return a language model service for one leg, whoever the agent."""
        del agent
        return SharedClientLLMService(
            http_client=self._http_client(lease),
            is_openai=self._is_openai,
            api_key=self._api_key,
            base_url=self._base_url,
            settings=OpenAILLMService.Settings(model=self._model("gpt-4.1", "default")),
        )

    async def check(self) -> Sequence[str]:
        """Return what the settings lack: the key, or the model of another server."""
        if not self._is_openai and not self._options.model:
            return [f"VOICE_AGENT_LLM_MODEL is not set: name a model that {self._base_url} serves"]
        return await super().check()


class OpenAITTSProvider(_OpenAIProvider):
    """Text to speech; OpenAI's model is `gpt-4o-mini-tts`, elsewhere `tts-1`; the voice `alloy`.

    Any voice may be named: the server knows which it has.
    """

    stage = Stage.TTS

    def build(self, agent: Agent, lease: Lease) -> OpenAICompatibleTTSService:
        """Return a text-to-speech service for one leg."""
        return OpenAICompatibleTTSService(
            api_key=self._api_key,
            base_url=self._base_url,
            http_client=self._http_client(lease),
            settings=OpenAICompatibleTTSService.Settings(
                model=self._model("gpt-4o-mini-tts", "tts-1"),
                voice=self._options.voice or "alloy",
                # Not sent: it tells where sentences end.
                language=agent.language,
            ),
        )


class SharedClientLLMService(OpenAILLMService):
    """Pipecat's OpenAI service on the HTTP client that all legs share."""

    def __init__(self, *, http_client: Any, is_openai: bool, **kwargs: Any) -> None:
        self._shared_http_client = http_client
        # Few other servers know the role "developer"; Pipecat then sends "user" instead.
        self.supports_developer_role = is_openai
        super().__init__(**kwargs)

    def create_client(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        default_headers: Any = None,
        **_: Any,
    ) -> AsyncOpenAI:
        """Return an API client on the shared HTTP client; making one takes 0.1 ms."""
        return AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            organization=organization,
            project=project,
            default_headers=default_headers,
            http_client=self._shared_http_client,
        )


def _whisper_language(language: str) -> Language | str:
    base = language.split("-", maxsplit=1)[0]
    try:
        return Language(base)
    except ValueError:
        return base
