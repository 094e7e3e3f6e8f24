"""`scripts/dev.sh` as a developer meets it: anywhere, through a link, with the wrong Python."""

import os
import subprocess
from pathlib import Path

from devtool.project import ROOT

SCRIPT = ROOT / "scripts" / "dev.sh"


def dev(
    *arguments: str, script: Path = SCRIPT, folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    return subprocess.run(
        [script, *arguments],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_lists_its_commands_when_asked_nothing() -> None:
    result = dev()
    assert result.returncode == 0
    for name in ["setup", "start", "test", "lint", "format", "doctor", "soak", "lock", "clean"]:
        assert f"\n  {name} " in result.stdout


def test_an_unknown_command_is_refused_with_the_list() -> None:
    result = dev("strat")
    assert result.returncode == 2
    assert "  start " in result.stdout


def test_it_works_through_links_and_from_other_folders(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    link = folder / "link"
    link.symlink_to(SCRIPT)
    second = tmp_path / "second"
    second.symlink_to(Path("with space") / "link")
    assert dev("help", script=second, folder=folder).returncode == 0


def test_options_that_a_command_does_not_take_are_refused() -> None:
    result = dev("lint", "--fast")
    assert result.returncode == 2
    assert "takes no options" in result.stderr


def test_a_machine_without_a_fit_python_gets_one_clear_line_and_a_remedy(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.6"\nexit 1\n')
    old.chmod(0o755)
    for name in ("bash", "dirname", "readlink"):
        (tmp_path / name).symlink_to(Path("/usr/bin") / name)
    result = dev("start", PATH=str(tmp_path))
    assert result.returncode == 1
    assert "Python 3.11 or later is needed, and this machine has Python 3.9.6" in result.stderr
    assert "->" in result.stderr
