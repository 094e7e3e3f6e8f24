"""Each check says what it found and what mends it."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from voice_agent import doctor_report
from voice_agent.config import Settings
from voice_agent.config_loading import Sources
from voice_agent.doctor import (
    check_agents,
    check_data_directory,
    check_microphone,
    check_page,
    check_pipecat,
    check_port,
    check_processes,
    check_provider,
    check_python,
    check_tls,
    examine,
)
from voice_agent.doctor_check import Check, Status
from voice_agent.listening import listen
from voice_agent.services.provider import ProviderOptions, Stage
from voice_agent.tls import (
    LIFETIME,
    RENEW_BEFORE,
    SELF_SIGNED,
    SELF_SIGNED_FILE,
    make_certificate,
)

NOW = datetime.now(UTC)
NO_SOURCES = Sources(
    MappingProxyType({}), MappingProxyType({}), MappingProxyType({}), None, MappingProxyType({})
)


def settings(**chosen: object) -> Settings:
    return Settings.model_validate({"allow_unauthenticated": True, **chosen})


def test_python_must_be_new_enough() -> None:
    assert check_python((3, 11, 0)).status is Status.OK
    assert check_python((3, 10, 14)) == Check(
        "Python", Status.FAILED, "3.10.14", "install Python 3.11 or later"
    )


def test_pipecat_must_be_the_pinned_version() -> None:
    requirements = ["fastapi>=0.1", "pipecat-ai==1.14.0 ; python_version > '3'"]
    assert check_pipecat(requirements, "1.14.0").status is Status.OK
    wrong = check_pipecat(requirements, "1.15.0")
    assert (wrong.status, wrong.detail) == (Status.FAILED, "1.15.0 instead of 1.14.0")
    assert "pipecat-ai==1.14.0" in wrong.mend


def test_the_data_directory_must_be_writable(tmp_path: Path) -> None:
    assert check_data_directory(tmp_path).status is Status.OK
    later = check_data_directory(tmp_path / "a" / "b")
    assert (later.status, "made when needed" in later.detail) == (Status.OK, True)
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    wrong = check_data_directory(tmp_path / "file" / "data")
    assert wrong.status is Status.FAILED
    assert "VOICE_AGENT_DATA_DIR" in wrong.mend


def test_the_port_must_be_free() -> None:
    assert check_port("127.0.0.1", 0, "PORT") == Check("Port", Status.OK, "any free one")
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        wrong = check_port("127.0.0.1", port, "DEVICE_PORT")
    assert wrong.status is Status.FAILED
    assert wrong.detail == f"VOICE_AGENT_DEVICE_PORT: port {port} is in use"
    assert wrong.mend.startswith("stop what listens there")
    assert check_port("127.0.0.1", port, "PORT").status is Status.OK


def test_processes_that_cannot_share_a_limit_are_found() -> None:
    assert check_processes(Settings(workers=4)).status is Status.OK
    wrong = check_processes(Settings(workers=4, max_sessions=3, stt_streams=2))
    assert wrong.status is Status.FAILED
    assert "MAX_SESSIONS: 3 cannot be shared by 4" in wrong.detail
    assert "STT_STREAMS: 2 cannot be shared by 4" in wrong.detail


def test_a_self_signed_certificate_is_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / SELF_SIGNED_FILE
    assert "is made at the start" in check_tls(SELF_SIGNED, tmp_path, NOW).detail
    assert not path.exists()
    path.write_text("broken")
    assert "is made again" in check_tls(SELF_SIGNED, tmp_path, NOW).detail
    path.write_bytes(make_certificate(["localhost"], NOW))
    assert "good until" in check_tls(SELF_SIGNED, tmp_path, NOW).detail
    late = NOW + LIFETIME - RENEW_BEFORE + timedelta(days=1)
    assert "renewed at the start" in check_tls(SELF_SIGNED, tmp_path, late).detail


def test_a_certificate_of_ones_own_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(make_certificate(["localhost"], NOW))
    found = [
        check_tls(str(file), tmp_path, at).status
        for at in (NOW, NOW + LIFETIME - timedelta(days=13), NOW + LIFETIME + timedelta(days=1))
    ]
    assert found == [Status.OK, Status.WARNING, Status.FAILED]


def test_the_microphone_wants_https_beyond_localhost() -> None:
    assert check_microphone(settings()).status is Status.OK
    wrong = check_microphone(settings(host="0.0.0.0"))
    assert wrong.status is Status.WARNING
    assert "VOICE_AGENT_TLS=self-signed" in wrong.mend


def test_the_page_must_be_built(tmp_path: Path) -> None:
    assert check_page(tmp_path).status is Status.WARNING
    (tmp_path / "index.html").write_text("")
    assert check_page(tmp_path).status is Status.OK


def test_agents_are_checked(tmp_path: Path) -> None:
    def found(**chosen: object) -> list[tuple[str, Status]]:
        checks = check_agents(settings(agents_dir=tmp_path, **chosen))
        return [(check.name, check.status) for check in checks]

    assert found() == [("Default agent", Status.FAILED)]
    (tmp_path / "a.yaml").write_text("id: a\nname: A\ngreeting: Hello\n")
    (tmp_path / "b.yaml").write_text("id: b\n")
    assert found(default_agent="a") == [
        ("Agents", Status.WARNING),
        ("Agents", Status.OK),
        ("Default agent", Status.OK),
    ]
    assert found()[-1] == ("Default agent", Status.FAILED)
    (wrong,) = check_agents(settings(agents_dir=tmp_path / "gone"))
    assert wrong.status is Status.FAILED
    assert "VOICE_AGENT_AGENTS_DIR" in wrong.detail


class ScriptedProvider:
    """Finds the problems it was given, raises, or never answers."""

    def __init__(self, options: ProviderOptions) -> None:
        assert options.model is not None
        self._script = options.model

    async def check(self) -> Sequence[str]:
        match self._script:
            case "ready":
                return ()
            case "silent":
                await asyncio.Event().wait()
            case "broken":
                raise RuntimeError("out of order")
        return self._script.split(",")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider is a `ScriptedProvider`."""

    def provider_class(stage: Stage, name: str) -> type[ScriptedProvider]:
        return ScriptedProvider

    monkeypatch.setattr("voice_agent.services.registry.provider_class", provider_class)


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ready", ["openai"]),
        ("no key,no model", ["openai: no key", "openai: no model"]),
        ("silent", ["openai: no answer in 0.05 s"]),
        ("broken", ["fails its check: RuntimeError('out of order')"]),
    ],
)
async def test_a_provider_checks_itself(script: str, expected: list[str]) -> None:
    chosen = settings(llm_provider="openai", llm_model=script)
    checks = await check_provider(chosen, Stage.LLM, timeout_s=0.05)
    assert [check.detail for check in checks] == expected
    assert {check.name for check in checks} == {"Language model"}
    assert {check.status for check in checks} == {Status.OK if script == "ready" else Status.FAILED}


async def test_an_unknown_provider_and_an_unknown_profile_are_named() -> None:
    (wrong,) = await check_provider(settings(tts_provider="nobody"), Stage.TTS)
    assert wrong.status is Status.FAILED
    assert wrong.detail.startswith("VOICE_AGENT_TTS_PROVIDER: there is no provider 'nobody'")
    (wrong,) = await check_provider(settings(profile="clouds"), Stage.TTS)
    assert wrong.detail == "VOICE_AGENT_PROFILE: there is no profile 'clouds'"
    assert wrong.mend.startswith("choose one of ")


@pytest.mark.usefixtures("scripted")
async def test_everything_is_examined(tmp_path: Path) -> None:
    ready = {f"{stage.value}_model": "ready" for stage in Stage}
    checks = await examine(
        settings(
            port=0, device_port=0, tls=SELF_SIGNED, data_dir=tmp_path, profile="cloud", **ready
        ),
        NOW,
    )
    names = [check.name for check in checks]
    assert names == [
        *("Python", "Pipecat", "Data directory", "Port", "Device port", "TLS", "Microphone"),
        *("WebRTC", "Page", "Agents", "Default agent"),
        *("Speech to text", "Language model", "Text to speech"),
    ]
    assert not doctor_report.would_stop_a_call(checks)


def test_the_report_shows_what_is_in_effect_and_where_it_comes_from() -> None:
    sources = Sources(
        MappingProxyType({"port": "1"}),
        MappingProxyType({"openai_api_key": "very-secret"}),
        MappingProxyType({}),
        None,
        MappingProxyType({}),
    )
    chosen = settings(port=1, openai_api_key="very-secret", tts_provider="openai")
    checks = [
        Check("Port", Status.OK, "1 is free"),
        Check("Speech", Status.FAILED, "no key", "set one"),
    ]
    lines = list(doctor_report.as_text(checks, chosen, sources))
    assert "VOICE_AGENT_PORT" in (row := next(line for line in lines if "AGENT_PORT " in line))
    assert row.split() == ["VOICE_AGENT_PORT", "1", "option"]
    (profile_row,) = [line.split() for line in lines if "LLM_PROVIDER" in line]
    assert (profile_row[1] != "-", profile_row[2]) == (True, "profile")
    assert "very-secret" not in "\n".join(lines)
    assert lines[-5:] == [
        "✓ Port    1 is free",
        "✗ Speech  no key",
        "          → set one",
        "",
        "1 of 2 checks failed: this would stop a call",
    ]
    document = json.loads(doctor_report.as_json(checks, chosen, sources))
    assert document["ok"] is False
    assert document["checks"][1] == {
        "name": "Speech",
        "status": "failed",
        "detail": "no key",
        "mend": "set one",
    }
    assert {"name": "OPENAI_API_KEY", "value": "********", "source": "environment"} in document[
        "settings"
    ]


def test_a_report_without_failures_says_so() -> None:
    checks = [Check("Page", Status.WARNING, "not built", "build it")]
    assert list(doctor_report.as_text(checks, None, NO_SOURCES))[-1] == "ready to take calls"
    assert json.loads(doctor_report.as_json(checks, None, NO_SOURCES))["ok"] is True
