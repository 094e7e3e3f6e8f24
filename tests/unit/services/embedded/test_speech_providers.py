"""Which engine speaks, and what is said when one is missing."""

import pytest

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.services.embedded import espeak, flite, speech
from voice_agent.services.embedded.engine_libraries import find_library
from voice_agent.services.embedded.espeak import ESPEAK, EspeakProvider
from voice_agent.services.embedded.flite import FLITE, FliteProvider
from voice_agent.services.embedded.speech import EmbeddedSpeechProvider
from voice_agent.services.provider import ProviderOptions


def agent(language: str = "en-US") -> Agent:
    return Agent(id="frontdesk", name="Front desk", greeting="Hello", language=language)


def install(monkeypatch: pytest.MonkeyPatch, *, flite_is: bool, espeak_is: bool) -> None:
    voices = ["slt", "rms"] if flite_is else []
    for module in (flite, speech):
        monkeypatch.setattr(module, "flite_voice_names", lambda: voices)
    monkeypatch.setattr(espeak, "find_spec", lambda _: object() if espeak_is else None)
    monkeypatch.setattr(espeak, "find_library", lambda _: None)


async def test_a_missing_flite_names_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, flite_is=False, espeak_is=True)
    (problem,) = await FliteProvider(ProviderOptions()).check()
    assert "apt-get install flite" in problem


async def test_a_missing_espeak_names_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, flite_is=True, espeak_is=False)
    (problem,) = await EspeakProvider(ProviderOptions()).check()
    assert "pip install voice-agent-backend[espeak]" in problem


async def test_without_any_engine_both_commands_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, flite_is=False, espeak_is=False)
    (problem,) = await EmbeddedSpeechProvider(ProviderOptions()).check()
    assert "apt-get install flite" in problem
    assert "pip install voice-agent-backend[espeak]" in problem


def test_embedded_takes_flite_for_english_and_espeak_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, flite_is=True, espeak_is=True)
    provider = EmbeddedSpeechProvider(ProviderOptions())
    assert provider.resources(agent()) == (FLITE,)
    assert provider.resources(agent("de-DE")) == (ESPEAK,)


def test_embedded_takes_espeak_where_flite_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, flite_is=False, espeak_is=True)
    assert EmbeddedSpeechProvider(ProviderOptions()).resources(agent()) == (ESPEAK,)


def test_flite_refuses_an_agent_that_speaks_another_language() -> None:
    with pytest.raises(SettingsError, match=r"English only.*'frontdesk'.*'fr'"):
        FliteProvider(ProviderOptions()).resources(agent("fr"))


async def test_a_wrong_speed_is_a_problem_of_every_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, flite_is=True, espeak_is=True)
    for kind in (FliteProvider, EspeakProvider, EmbeddedSpeechProvider):
        (problem,) = await kind(ProviderOptions(voice="@9")).check()
        assert "VOICE_AGENT_TTS_VOICE" in problem


def test_libraries_are_found_by_their_files_in_the_named_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("lib")
    file = folder / "libmade-up.so.1"
    file.touch()
    (folder / "libmade-up.1.dylib").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{folder}")
    assert find_library("made-up") in {str(file), str(folder / "libmade-up.1.dylib")}
    assert find_library("not-there") is None
