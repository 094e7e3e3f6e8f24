"""The providers by name, each imported only when it is used."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from voice_agent.core.errors import SettingsError
from voice_agent.services.provider import Provider, ProviderOptions, Stage

ProviderClass = Callable[[ProviderOptions], Provider]

_SERVICES: Final = "voice_agent.services."
_EMBEDDED: Final = _SERVICES + "embedded."


@dataclass(frozen=True)
class ProviderEntry:
    """Where a provider's class is ("module:Class"), and what it needs beyond our own packages.

    `requires` names modules that must be there, `install` is the command that brings them.
    `lends` says that it has something which is lent to one call at a time, so that there is a pool
    to size.
    """

    path: str
    requires: tuple[str, ...] = ()
    install: str = ""
    lends: bool = False


PROVIDERS: Final[Mapping[Stage, Mapping[str, ProviderEntry]]] = MappingProxyType(
    {
        Stage.STT: {
            "deepgram": ProviderEntry(
                _SERVICES + "deepgram:DeepgramProvider",
                requires=("deepgram",),
                install="pip install 'pipecat-ai[deepgram]'",
            ),
            "openai": ProviderEntry(_SERVICES + "openai:OpenAISTTProvider"),
            "pocketsphinx": ProviderEntry(
                _EMBEDDED + "pocketsphinx:PocketSphinxProvider",
                requires=("pocketsphinx",),
                install="pip install pocketsphinx",
                lends=True,
            ),
        },
        Stage.LLM: {
            "knowledge": ProviderEntry(_EMBEDDED + "responder:KnowledgeResponderProvider"),
            "openai": ProviderEntry(_SERVICES + "openai:OpenAILLMProvider"),
        },
        Stage.TTS: {
            "cartesia": ProviderEntry(
                _SERVICES + "cartesia:CartesiaProvider",
                requires=("websockets",),
                install="pip install 'pipecat-ai[cartesia]'",
            ),
            "embedded": ProviderEntry(_EMBEDDED + "speech:EmbeddedSpeechProvider"),
            "espeak": ProviderEntry(_EMBEDDED + "espeak:EspeakProvider"),
            "flite": ProviderEntry(_EMBEDDED + "flite:FliteProvider"),
            "openai": ProviderEntry(_SERVICES + "openai:OpenAITTSProvider"),
        },
    }
)
"""Every provider that there is, by stage and name."""

FIXED_LANGUAGE_MODELS: Final = frozenset({"knowledge"})
"""Those that answer the same question of one agent in the same words, of which there are few."""

PROFILES: Final[Mapping[str, Mapping[Stage, str]]] = MappingProxyType(
    {
        "embedded": {Stage.STT: "pocketsphinx", Stage.LLM: "knowledge", Stage.TTS: "embedded"},
        "cloud": {Stage.STT: "deepgram", Stage.LLM: "openai", Stage.TTS: "cartesia"},
    }
)
"""The providers that `VOICE_AGENT_PROFILE` stands for; each can be set alone."""


def names(stage: Stage) -> tuple[str, ...]:
    """Return the names of the providers of `stage`, in alphabetical order."""
    return tuple(sorted(PROVIDERS[stage]))


def provider_class(stage: Stage, name: str) -> ProviderClass:
    """Return the class of the provider `name` of `stage`, imported now.

    Raises:
        SettingsError: There is none of that name, or a package that it needs is not installed; the
            message names the setting and the mend.
    """
    setting = f"VOICE_AGENT_{stage.value.upper()}_PROVIDER"
    entry = PROVIDERS[stage].get(name)
    if entry is None:
        near = get_close_matches(name.lower(), names(stage), n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise SettingsError(
            f"{setting}: there is no provider '{name}'; {hint}There are: {', '.join(names(stage))}"
        )
    missing = [module for module in entry.requires if find_spec(module) is None]
    if missing:
        raise SettingsError(
            f"{setting}: '{name}' needs {' and '.join(missing)}, which is not installed: "
            f"{entry.install}"
        )
    module, _, attribute = entry.path.partition(":")
    try:
        found: ProviderClass = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if not entry.install:
            raise
        raise SettingsError(
            f"{setting}: '{name}' cannot be loaded ({error}): {entry.install}"
        ) from error
    return found
