"""Provider `embedded` for speech: flite where it can speak, else espeak-ng."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import Lease, Resource
from voice_agent.services.embedded import espeak, flite
from voice_agent.services.embedded.engine_libraries import flite_voice_names
from voice_agent.services.embedded.espeak import EspeakProvider
from voice_agent.services.embedded.flite import FliteProvider
from voice_agent.services.embedded.speech_service import EmbeddedTTSService
from voice_agent.services.embedded.voice_choice import is_english, parse_voice_setting
from voice_agent.services.provider import ProviderOptions


class EmbeddedSpeechProvider:
    """flite when it is installed and the agent speaks English, else espeak-ng.

    A voice in the settings is taken from the engine that has it. One of flite's, for an agent in
    another language, gives way to espeak-ng's voice for that language.
    """

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the shared process of the engine that speaks for `agent`."""
        return self._choose(agent).resources(agent)

    def build(self, agent: Agent, lease: Lease) -> EmbeddedTTSService:
        """Return a speech service for one leg.

        Raises:
            SettingsError: The voice does not exist, or none speaks the agent's language.
        """
        return self._choose(agent).build(agent, lease)

    async def check(self) -> Sequence[str]:
        """Return what is missing or wrong; empty when at least one engine can speak."""
        if not FliteProvider.present() and not EspeakProvider.present():
            mends = f"for flite, {flite.MEND}; for espeak-ng, {espeak.MEND}"
            return (f"no speech engine is installed: {mends}",)
        try:
            prefers_flite = self._prefers_flite()
        except SettingsError as error:
            return (str(error),)
        if prefers_flite:
            return await FliteProvider(self._options).check()
        return await EspeakProvider(self._options).check()

    def _prefers_flite(self) -> bool:
        name = parse_voice_setting(self._options.voice).name
        return FliteProvider.present() and (
            name is None or name in flite_voice_names() or not EspeakProvider.present()
        )

    def _choose(self, agent: Agent) -> FliteProvider | EspeakProvider:
        if is_english(agent.language) and self._prefers_flite():
            return FliteProvider(self._options)
        setting = parse_voice_setting(self._options.voice)
        if setting.name in flite_voice_names():
            return EspeakProvider(replace(self._options, voice=f"@{setting.speed}"))
        return EspeakProvider(self._options)
