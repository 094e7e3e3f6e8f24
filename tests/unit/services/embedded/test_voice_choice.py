"""Which voice speaks."""

import pytest

from voice_agent.core.errors import SettingsError
from voice_agent.services.embedded.synthesis_protocol import Voice
from voice_agent.services.embedded.voice_choice import (
    VoiceSetting,
    is_english,
    named_voice,
    parse_voice_setting,
    voice_for_language,
)

VOICES = [
    Voice(name, name, 22_050)
    for name in ("cmn", "de", "en-gb", "en-us", "es", "es-419", "fr-be", "fr-fr", "nb", "pt-br")
]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, VoiceSetting()),
        ("", VoiceSetting()),
        ("slt", VoiceSetting("slt")),
        ("slt@1.2", VoiceSetting("slt", 1.2)),
        ("@0.9", VoiceSetting(None, 0.9)),
        ("en-gb+f3@2", VoiceSetting("en-gb+f3", 2.0)),
    ],
)
def test_a_voice_setting_is_a_name_a_speed_or_both(
    setting: str | None, expected: VoiceSetting
) -> None:
    assert parse_voice_setting(setting) == expected


@pytest.mark.parametrize("setting", ["slt@", "slt@fast", "slt@0.1", "slt@9", "slt@nan"])
def test_a_speed_out_of_range_names_the_setting_and_the_range(setting: str) -> None:
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_TTS_VOICE.*0.5 to 2.0"):
        parse_voice_setting(setting)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en-US", "en-us"),
        ("en", "en-us"),
        ("en-GB", "en-gb"),
        ("en-AU", "en-us"),
        ("de-DE", "de"),
        ("de-AT", "de"),
        ("zh-CN", "cmn"),
        ("no-NO", "nb"),
        ("es-MX", "es-419"),
        ("es-ES", "es"),
        ("fr-FR", "fr-fr"),
        ("fr-CA", "fr-fr"),
        ("pt-PT", "pt-br"),
    ],
)
def test_a_language_finds_its_voice(language: str, name: str) -> None:
    assert voice_for_language(VOICES, language, "espeak-ng").name == name


def test_a_language_that_nobody_speaks_is_named() -> None:
    with pytest.raises(SettingsError, match=r"'tlh'.*VOICE_AGENT_TTS_PROVIDER"):
        voice_for_language(VOICES, "tlh", "espeak-ng")


def test_a_named_voice_keeps_its_variant() -> None:
    assert named_voice(VOICES, "EN-GB+f3", "espeak-ng").name == "en-gb+f3"


def test_an_unknown_voice_is_named_with_near_ones_and_all_there_are() -> None:
    with pytest.raises(SettingsError) as caught:
        named_voice(VOICES, "en-uk", "espeak-ng")
    message = str(caught.value)
    assert message.startswith("VOICE_AGENT_TTS_VOICE: espeak-ng has no voice 'en-uk'; did you mean")
    assert "en-us" in message
    assert "pt-br" in message


def test_english_is_english_everywhere() -> None:
    assert is_english("en")
    assert is_english("en-NZ")
    assert not is_english("de-DE")
