"""Provider `flite`: English speech from the flite library, in a helper process."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import Lease, Resource, ResourceKey, ResourceKind
from voice_agent.services.embedded.engine_libraries import flite_voice_names
from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.speech_service import EmbeddedTTSService
from voice_agent.services.embedded.synthesizer import Synthesizer
from voice_agent.services.embedded.voice_choice import (
    is_english,
    named_voice,
    parse_voice_setting,
    unknown_voice,
)
from voice_agent.services.provider import ProviderOptions

MEND: Final = "install it with 'apt-get install flite' (macOS: 'brew install flite')"


FLITE: Final[Resource[Synthesizer]] = Resource(
    key=ResourceKey(ResourceKind.SHARED, "tts", "flite"),
    create=partial(Synthesizer.start, "flite", "voice_agent.services.embedded.flite_helper"),
    close=Synthesizer.close,
)


class FliteProvider:
    """flite's voices slt (the default), rms, awb and kal16, at 16 kHz; they speak English."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    @staticmethod
    def present() -> bool:
        """Return whether flite and at least one of its voices are installed."""
        return bool(flite_voice_names())

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the shared flite process.

        Raises:
            SettingsError: The agent does not speak English.
        """
        if not is_english(agent.language):
            raise SettingsError(
                f"VOICE_AGENT_TTS_PROVIDER: flite speaks English only, and agent '{agent.id}' "
                f"speaks '{agent.language}'; set it to 'espeak' or 'embedded'"
            )
        return (FLITE,)

    def build(self, agent: Agent, lease: Lease) -> EmbeddedTTSService:
        """Return a speech service for one leg.

        Raises:
            SettingsError: The voice that the settings name does not exist.
        """
        synthesizer = lease.get(FLITE)
        setting = parse_voice_setting(self._options.voice)
        name = setting.name or synthesizer.voices[0].name
        voice = named_voice(synthesizer.voices, name, "flite")
        return EmbeddedTTSService(synthesizer, voice, language=agent.language, speed=setting.speed)

    async def check(self) -> Sequence[str]:
        """Return what is missing or wrong: the library, the voice."""
        voices = flite_voice_names()
        if not voices:
            return (f"flite is not installed: {MEND}",)
        try:
            setting = parse_voice_setting(self._options.voice)
        except SettingsError as error:
            return (str(error),)
        if setting.name and setting.name not in voices:
            return (str(unknown_voice(setting.name, voices, "flite")),)
        return await check_engine(FLITE)


async def check_engine(resource: Resource[Synthesizer]) -> Sequence[str]:
    """Return why the engine of `resource` cannot start, one line; empty when it can."""
    try:
        synthesizer = await resource.create()
    except HelperError as error:
        return (f"{resource.key.provider}: {error}",)
    await synthesizer.close()
    return ()
