"""What the command does with what is typed; the server and the call themselves are elsewhere."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from voice_agent import cli
from voice_agent.cli_options import FLAG, OPTIONS
from voice_agent.client.call import CallRequest, TransportName
from voice_agent.config import Settings

PREFIXES = ("VOICE_AGENT_", "OPENAI_", "DEEPGRAM_", "CARTESIA_")


@pytest.fixture(autouse=True)
def clean_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)


class Command:
    """Runs `voice-agent` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Return the exit code, standard output and standard error."""
        self._monkeypatch.setattr(sys, "argv", ["voice-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = self._capsys.readouterr()
        code = caught.value.code
        assert isinstance(code, int)
        return code, out, err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def test_help_and_version(command: Command) -> None:
    code, out, _ = command("--help")
    assert code == 0
    assert all(name in out for name in ("serve", "call", "doctor", "agents"))
    code, out, _ = command("--version")
    assert (code, out.count(".")) == (0, 2)


def test_every_option_is_a_setting() -> None:
    assert {*OPTIONS, FLAG} <= set(Settings.model_fields)


def test_several_processes_have_a_supervisor(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised: list[Settings] = []

    def run_cluster(settings: Settings) -> int:
        supervised.append(settings)
        return 7

    monkeypatch.setattr("voice_agent.cluster_serving.run_cluster", run_cluster)
    assert command("serve", "--workers", "3")[0] == 7
    assert supervised == [Settings(workers=3)]
    code, _, err = command("serve", "--workers", "0")
    assert (code, "--workers: '0' must be at least 1" in err) == (2, True)


def test_serve_passes_the_options_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []

    def run_server(settings: Settings) -> int:
        served.append(settings)
        return 7

    monkeypatch.setattr("voice_agent.serving.run_server", run_server)
    monkeypatch.setenv("VOICE_AGENT_PORT", "1")
    monkeypatch.setenv("VOICE_AGENT_MAX_SESSIONS", "3")
    arguments = ("--host", "0.0.0.0", "--port", "0", "--allow-unauthenticated", "--tls", "a,b")
    code, _, _ = command("serve", *arguments, "--transports", "websocket", "--device-port", 8)
    assert code == 7
    assert served == [
        Settings(
            host="0.0.0.0",
            port=0,
            allow_unauthenticated=True,
            tls="a,b",
            transports=("websocket",),
            device_port=8,
            max_sessions=3,
        )
    ]


def test_wrong_settings_are_lines_not_a_traceback(command: Command) -> None:
    code, out, err = command("serve", "--port", "x", "--log-format", "xml")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: --port: 'x' is not a whole number; for example 7860",
        "error: --log-format: 'xml' is not known; choose 'text' or 'json'",
    ]


def test_an_unknown_option_is_a_usage_error(command: Command) -> None:
    code, _, err = command("serve", "--prot", "1")
    assert code == 2
    assert "--prot" in err
    assert "--port" in err


def test_a_new_agent_is_valid_and_served_by_its_id(command: Command) -> None:
    code, out, _ = command("agents", "new", "front-desk")
    assert code == 0
    assert Path("agents/front-desk.yaml").is_file()
    assert "voice-agent serve --default-agent front-desk" in out
    assert command("agents", "check")[:2] == (0, "✓ front-desk: Front desk, 2 knowledge entries\n")
    code, out, err = command("agents", "list")
    assert (code, out.split()[0], "1 in" in err) == (0, "front-desk", True)


def test_an_agent_is_not_overwritten(command: Command, tmp_path: Path) -> None:
    command("agents", "new", "sales")
    (tmp_path / "agents/sales.yaml").rename(tmp_path / "agents/other.yaml")
    code, _, err = command("agents", "new", "sales")
    assert (code, err) == (2, "error: there is already an agent 'sales' in agents\n")
    (tmp_path / "agents/broken.yaml").write_text("")
    code, _, err = command("agents", "new", "broken")
    assert (code, err) == (2, "error: 'agents/broken.yaml' cannot be written (File exists)\n")


def test_a_new_agent_needs_a_usable_id(command: Command) -> None:
    code, _, err = command("agents", "new", "Front Desk")
    assert code == 2
    assert "use lower-case letters" in err
    assert not Path("agents").exists()


def test_a_new_agent_goes_where_the_settings_say(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VOICE_AGENT_AGENTS_DIR", str(tmp_path / "mine"))
    command("agents", "new", "a")
    command("agents", "new", "b", "--dir", tmp_path / "yours")
    assert (tmp_path / "mine/a.yaml").is_file()
    assert (tmp_path / "yours/b.yaml").is_file()
    code, _, err = command("agents", "new", "c", "--dir", tmp_path / "mine/a.yaml")
    assert code == 2
    assert "cannot be written" in err


def test_check_names_file_line_and_field(command: Command, tmp_path: Path) -> None:
    good, bad = tmp_path / "agents/good.yaml", tmp_path / "agents/bad.yaml"
    command("agents", "new", "good")
    bad.write_text("id: bad\nname: Bad\ngreting: Hi\n")
    code, out, err = command("agents", "check")
    assert (code, err) == (1, "")
    assert "✓ good: Good, 2 knowledge entries" in out
    assert f"✗ {bad}:3: greting: unknown field; did you mean 'greeting'?" in out
    assert command("agents", "check", good)[0] == 0
    assert command("agents", "check", bad)[0] == 1
    assert command("agents", "list")[0] == 0


def test_check_of_nothing_is_an_error(command: Command, tmp_path: Path) -> None:
    code, _, err = command("agents", "check", tmp_path)
    assert (code, err) == (2, f"error: there is no agent file in '{tmp_path}'\n")
    code, _, err = command("agents", "check", tmp_path / "gone")
    assert code == 2
    assert "cannot be read" in err


def test_call_passes_everything_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[CallRequest, bool]] = []

    def run_call(request: CallRequest, *, as_json: bool) -> int:
        calls.append((request, as_json))
        return 1

    monkeypatch.setattr("voice_agent.client.call.run_call", run_call)
    assert command("call")[0] == 1
    command(
        *("call", "https://voice.example.com", "--transport", "webrtc", "--agent", "sales"),
        *("--key", "vak_x"),
        *("--wav", "a.wav", "--wav", "b.wav", "--text", "hello", "--out", "o.wav"),
        *("--both", "c.wav", "--timeout", 3, "--insecure", "--json"),
        *("--reconnect", 5),
    )
    expected: dict[str, Any] = {
        "url": "https://voice.example.com",
        "transport": TransportName.WEBRTC,
        "agent": "sales",
        "key": "vak_x",
        "wavs": (Path("a.wav"), Path("b.wav")),
        "texts": ("hello",),
        "out": Path("o.wav"),
        "both": Path("c.wav"),
        "timeout_s": 3.0,
        "verify_tls": False,
        "reconnect_s": 5.0,
    }
    assert calls[0] == (CallRequest(), False)
    assert (asdict(calls[1][0]), calls[1][1]) == (expected, True)


def test_call_knows_its_transports(command: Command) -> None:
    code, _, err = command("call", "--transport", "carrier-pigeon")
    assert code == 2
    assert "webrtc" in err


def test_doctor_lists_what_is_wrong_with_the_settings(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE_AGENT_PROT", "1")
    code, out, _ = command("doctor", "--port", "x")
    assert code == 1
    assert "✗ Settings  VOICE_AGENT_PROT: there is no such setting; did you mean" in out
    assert "✗ Settings  --port: 'x' is not a whole number" in out
    code, out, _ = command("doctor", "--port", "x", "--json")
    report = json.loads(out)
    assert (code, report["ok"], len(report["checks"])) == (1, False, 2)
