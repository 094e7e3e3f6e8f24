import builtins
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from voice_agent.cli import cli
from voice_agent.cli_bench import EXIT_FAILED


def test_an_unknown_server_is_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(cli, ["bench", "--servers", "theirs"])
    assert result.exit_code == 2
    assert "there is no server 'theirs'" in result.output


def test_a_chart_that_cannot_be_drawn_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def without_matplotlib(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    result = CliRunner().invoke(cli, ["bench", "--chart", str(tmp_path / "chart.svg")])
    assert result.exit_code == EXIT_FAILED
    assert "pip install 'voice-agent-backend[bench]'" in result.output
