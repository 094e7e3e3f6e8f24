"""Which voice speaks: from what the settings say, what the agent speaks and what there is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from voice_agent.core.errors import SettingsError
from voice_agent.services.embedded.synthesis_protocol import Voice

_SLOWEST: Final = 0.5
_FASTEST: Final = 2.0
_LISTED: Final = 20

_ESPEAK_LANGUAGE: Final = {
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-tw": "cmn",
    "zh-hk": "yue",
    "no": "nb",
    "tl": "fil",
    "es-mx": "es-419",
    "es-ar": "es-419",
    "es-co": "es-419",
    "es-us": "es-419",
    "en": "en-us",
    "en-gb": "en-gb",
    "fr": "fr-fr",
}
"""BCP 47 codes, lower case, whose espeak-ng voice has another name."""


@dataclass(frozen=True)
class VoiceSetting:
    """What `VOICE_AGENT_TTS_VOICE` says for the embedded engines: a name, a speed, or both."""

    name: str | None = None
    speed: float = 1.0


def parse_voice_setting(setting: str | None) -> VoiceSetting:
    """Return what `setting`, such as "slt", "slt@1.2" or "@0.9", means.

    Raises:
        SettingsError: The speed is no number from 0.5 to 2.
    """
    if not setting:
        return VoiceSetting()
    name, separator, speed_text = setting.partition("@")
    if not separator:
        return VoiceSetting(name.strip())
    try:
        speed = float(speed_text)
    except ValueError:
        speed = 0.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise SettingsError(
            f"VOICE_AGENT_TTS_VOICE: the speed in '{setting}' must be a number "
            f"from {_SLOWEST} to {_FASTEST}, such as 'slt@1.2'"
        )
    return VoiceSetting(name.strip() or None, speed)


def is_english(language: str) -> bool:
    """Return whether the BCP 47 code `language` is a kind of English."""
    return language.lower().split("-")[0] == "en"


def named_voice(voices: Sequence[Voice], name: str, engine: str) -> Voice:
    """Return the voice `name` of `voices`; "NAME+VARIANT" is the voice NAME in another timbre.

    Raises:
        SettingsError: There is none; the message names those that there are.
    """
    base = name.split("+", maxsplit=1)[0].lower()
    for voice in voices:
        if voice.name.lower() == base:
            return voice._replace(name=voice.name + name[len(base) :])
    raise unknown_voice(name, [voice.name for voice in voices], engine)


def unknown_voice(name: str, known: Sequence[str], engine: str) -> SettingsError:
    """Return the error for a voice that `engine` does not have."""
    near = get_close_matches(name.lower(), known, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    listed = ", ".join(known[:_LISTED]) + (", ..." if len(known) > _LISTED else "")
    return SettingsError(
        f"VOICE_AGENT_TTS_VOICE: {engine} has no voice '{name}'; {hint}It has: {listed}"
    )


def voice_for_language(voices: Sequence[Voice], language: str, engine: str) -> Voice:
    """Return the first voice for the BCP 47 code `language`, or for its base language.

    Raises:
        SettingsError: No voice speaks that language.
    """
    code = language.lower()
    base = code.split("-")[0]
    wanted = [_ESPEAK_LANGUAGE.get(code, code), _ESPEAK_LANGUAGE.get(base, base), base]
    for candidate in wanted:
        for voice in voices:
            if voice.language == candidate:
                return voice
    for voice in voices:
        if voice.language.split("-")[0] == base:
            return voice
    raise SettingsError(
        f"agent language '{language}': {engine} has no voice that speaks it; "
        "set VOICE_AGENT_TTS_PROVIDER to a provider that does"
    )
