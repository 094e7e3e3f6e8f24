"""Providers by name."""

import subprocess
import sys

import pytest

from voice_agent.core.errors import SettingsError
from voice_agent.services import registry
from voice_agent.services.provider import ProviderOptions, Stage
from voice_agent.services.registry import PROFILES, PROVIDERS, names, provider_class


def test_every_profile_names_a_provider_for_every_stage() -> None:
    for choice in PROFILES.values():
        assert set(choice) == set(Stage)
        assert all(name in names(stage) for stage, name in choice.items())


def test_the_names_of_a_stage_are_sorted() -> None:
    assert names(Stage.TTS) == ("cartesia", "embedded", "espeak", "flite", "openai")


@pytest.mark.parametrize(
    ("stage", "name"),
    [(stage, name) for stage in Stage for name in PROVIDERS[stage]],
)
def test_every_provider_that_can_be_imported_is_constructed_from_options(
    stage: Stage, name: str
) -> None:
    try:
        kind = provider_class(stage, name)
    except SettingsError as error:
        pytest.skip(str(error))
    provider = kind(ProviderOptions())
    assert callable(provider.build)


def test_an_unknown_provider_names_the_setting_a_near_one_and_all_there_are() -> None:
    with pytest.raises(SettingsError) as caught:
        provider_class(Stage.TTS, "espeek")
    message = str(caught.value)
    assert message.startswith("VOICE_AGENT_TTS_PROVIDER: there is no provider 'espeek'; did you")
    assert "mean espeak?" in message
    assert "cartesia, embedded, espeak, flite, openai" in message


def test_a_missing_package_names_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(SettingsError) as caught:
        provider_class(Stage.STT, "deepgram")
    message = str(caught.value)
    assert message.startswith("VOICE_AGENT_STT_PROVIDER: 'deepgram' needs deepgram")
    assert message.endswith("pip install 'pipecat-ai[deepgram]'")


def test_importing_the_registry_imports_no_provider() -> None:
    code = (
        "import sys, voice_agent.services.registry;"
        "print([n for n in sys.modules if n.startswith('voice_agent.services.')"
        " or n.split('.')[0] in ('openai', 'pocketsphinx', 'espeakng_loader')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = shown.stdout.strip().splitlines()[-1]
    assert loaded == str(["voice_agent.services.provider", "voice_agent.services.registry"])


def test_the_gpl_engine_is_not_imported_into_our_process() -> None:
    code = (
        "import sys, asyncio;"
        "from voice_agent.services.provider import ProviderOptions, Stage;"
        "from voice_agent.services.registry import provider_class;"
        "asyncio.run(provider_class(Stage.TTS, 'espeak')(ProviderOptions()).check());"
        "print([n for n in sys.modules if 'espeakng' in n],"
        " any('espeak-ng.so' in m for m in open('/proc/self/maps')))"
    )
    if sys.platform != "linux":
        pytest.skip("needs /proc")
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().splitlines()[-1] == "[] False"
