"""What the `openai` family makes of its settings."""

import pytest

from voice_agent.services.openai import OpenAILLMProvider, OpenAISTTProvider, OpenAITTSProvider
from voice_agent.services.provider import ProviderOptions

LOCAL = "http://127.0.0.1:11434/v1"
AnyClass = type[OpenAISTTProvider] | type[OpenAILLMProvider] | type[OpenAITTSProvider]


@pytest.mark.parametrize(
    ("kind", "variable"),
    [
        (OpenAISTTProvider, "VOICE_AGENT_STT_API_KEY"),
        (OpenAILLMProvider, "VOICE_AGENT_LLM_API_KEY"),
        (OpenAITTSProvider, "VOICE_AGENT_TTS_API_KEY"),
    ],
)
async def test_openai_itself_needs_a_key(kind: AnyClass, variable: str) -> None:
    for base_url in (None, "https://api.openai.com/v1/"):
        (problem,) = await kind(ProviderOptions(base_url=base_url)).check()
        assert "OPENAI_API_KEY" in problem
        assert variable in problem
        assert not await kind(ProviderOptions(base_url=base_url, api_key="sk")).check()


@pytest.mark.parametrize("kind", [OpenAISTTProvider, OpenAITTSProvider])
async def test_another_server_needs_no_key(kind: AnyClass) -> None:
    assert not await kind(ProviderOptions(base_url=LOCAL)).check()


async def test_another_servers_language_model_must_be_named() -> None:
    (problem,) = await OpenAILLMProvider(ProviderOptions(base_url=LOCAL)).check()
    assert problem.startswith("VOICE_AGENT_LLM_MODEL is not set")
    assert LOCAL in problem
    assert not await OpenAILLMProvider(ProviderOptions(base_url=LOCAL, model="llama3.2")).check()
