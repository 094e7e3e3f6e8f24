"""Which providers the settings ask for, how many of what they lend, and whether they work."""

from collections.abc import Mapping

from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolSizes, slots
from voice_agent.observability.provider_health import ProviderStates
from voice_agent.services.limited_provider import LimitedProvider
from voice_agent.services.provider import Provider, Stage
from voice_agent.services.registry import FIXED_LANGUAGE_MODELS, provider_class
from voice_agent.services.remembering_provider import MEGABYTE, RememberingProvider


async def checked_providers(settings: Settings) -> dict[Stage, Provider]:
    """Return the configured provider of each stage, checked.

    Raises:
        SettingsError: One of them cannot work; the message names the mend.
    """
    providers: dict[Stage, Provider] = {}
    for stage in Stage:
        name, options = settings.provider(stage)
        provider: Provider = provider_class(stage, name)(options)
        problems = await provider.check()
        if problems:
            setting = f"VOICE_AGENT_{stage.upper()}_PROVIDER"
            raise SettingsError(f"{setting}: '{name}' is not ready: {'; '.join(problems)}")
        streams = getattr(settings, f"{stage.value}_streams")
        if streams is not None:
            provider = LimitedProvider(provider, slots(stage.value, name, streams))
        providers[stage] = provider
    if settings.phrase_cache_mb:
        language_model, _ = settings.provider(Stage.LLM)
        voice, _ = settings.provider(Stage.TTS)
        providers[Stage.TTS] = RememberingProvider(
            providers[Stage.TTS],
            voice,
            limit=settings.phrase_cache_mb * MEGABYTE,
            says_only_fixed=language_model in FIXED_LANGUAGE_MODELS,
        )
    return providers


def provider_states_of(settings: Settings) -> ProviderStates:
    """Return what takes down whether the providers work; their keys are never shown."""
    chosen = {stage.value: settings.provider(stage) for stage in Stage}
    keys = [options.api_key for _, options in chosen.values() if options.api_key]
    return ProviderStates(
        {stage: (name, options.model) for stage, (name, options) in chosen.items()}, keys
    )


def pool_sizes_of(settings: Settings) -> Mapping[str, PoolSizes]:
    """Return what the settings say of the pools, by what they are for."""
    sizes = {stage.value: settings.provider(stage)[1].pool for stage in Stage}
    return {purpose: size for purpose, size in sizes.items() if size is not None}
