"""Provider `espeak`: speech in a hundred languages from espeak-ng, in a helper process."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import Lease, Resource, ResourceKey, ResourceKind
from voice_agent.services.embedded.engine_libraries import find_library
from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.speech_service import EmbeddedTTSService
from voice_agent.services.embedded.synthesizer import Synthesizer
from voice_agent.services.embedded.voice_choice import (
    named_voice,
    parse_voice_setting,
    voice_for_language,
)
from voice_agent.services.provider import ProviderOptions

MEND: Final = "install it with 'pip install voice-agent-backend[espeak]'"


ESPEAK: Final[Resource[Synthesizer]] = Resource(
    key=ResourceKey(ResourceKind.SHARED, "tts", "espeak"),
    create=partial(Synthesizer.start, "espeak", "voice_agent.services.embedded.espeak_helper"),
    close=Synthesizer.close,
)


class EspeakProvider:
    """espeak-ng's voices, named by language ("en-us", "de", "en-gb+f3"), at 22,050 Hz.

    Without a voice in the settings the agent's language chooses.
    """

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    @staticmethod
    def present() -> bool:
        """Return whether espeak-ng is installed, as a package or with the system."""
        # Finding the package's files does not import it: it is GPL and stays in the helper.
        return find_spec("espeakng_loader") is not None or find_library("espeak-ng") is not None

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the shared espeak-ng process, the same for every agent."""
        del agent
        return (ESPEAK,)

    def build(self, agent: Agent, lease: Lease) -> EmbeddedTTSService:
        """Return a speech service for one leg.

        Raises:
            SettingsError: The voice that the settings name does not exist, or no voice speaks the
                agent's language.
        """
        synthesizer = lease.get(ESPEAK)
        setting = parse_voice_setting(self._options.voice)
        if setting.name:
            voice = named_voice(synthesizer.voices, setting.name, "espeak-ng")
        else:
            voice = voice_for_language(synthesizer.voices, agent.language, "espeak-ng")
        return EmbeddedTTSService(synthesizer, voice, language=agent.language, speed=setting.speed)

    async def check(self) -> Sequence[str]:
        """Return what is missing or wrong: the library, the voice."""
        if not self.present():
            return (f"espeak-ng is not installed: {MEND}",)
        try:
            setting = parse_voice_setting(self._options.voice)
            synthesizer = await ESPEAK.create()
            try:
                if setting.name:
                    named_voice(synthesizer.voices, setting.name, "espeak-ng")
            finally:
                await synthesizer.close()
        except (SettingsError, HelperError) as error:
            return (str(error),)
        return ()
