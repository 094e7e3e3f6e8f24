"""Programs of the system: installed where that is allowed, named with their command where not."""

import io
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from devtool import system
from devtool.system import Program, ensure

SINGER = Program("singer", ("a-program-nobody-has",), "singer-deb", "singer", "nobody sings")


class Machine:
    """What is on the machine, and what was run on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.ran: list[str] = []
        self.on_path = {"apt-get", "sudo"}
        monkeypatch.setattr(system, "CACHE", folder)
        monkeypatch.setattr(system, "_DECLINED", folder / "declined.json")
        monkeypatch.setattr(system, "_quietly", self._run)
        monkeypatch.setattr(
            shutil,
            "which",
            lambda name: f"/usr/bin/{name}" if name in self.on_path else None,
        )
        self.be(root=False, terminal=False, automated=False)

    def be(self, *, root: bool, terminal: bool, automated: bool) -> None:
        self._monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
        self._monkeypatch.setattr(system, "has_terminal", lambda: terminal)
        self._monkeypatch.setattr(system, "is_automated", lambda: automated)

    def answer(self, text: str) -> None:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    def _run(self, command: Sequence[str]) -> bool:
        self.ran.append(" ".join(command))
        if "install" in command:
            self.on_path.add("a-program-nobody-has")
        return True


INSTALL = "apt-get install -y --no-install-recommends singer-deb"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


def test_what_is_there_is_left_alone(machine: Machine) -> None:
    machine.on_path.add("a-program-nobody-has")
    assert ensure([SINGER]) == []
    assert machine.ran == []


def test_root_gets_it_at_once(machine: Machine) -> None:
    machine.be(root=True, terminal=False, automated=False)
    assert ensure([SINGER]) == []
    assert machine.ran == [INSTALL]


def test_a_person_is_asked_and_may_agree(machine: Machine) -> None:
    machine.be(root=False, terminal=True, automated=False)
    machine.answer("\n")
    assert ensure([SINGER]) == []
    assert machine.ran == [f"sudo {INSTALL}"]


def test_a_no_is_remembered_until_set_up_asks_again(machine: Machine) -> None:
    machine.be(root=False, terminal=True, automated=False)
    machine.answer("n\n")
    assert ensure([SINGER]) == [SINGER]
    machine.answer("y\n")
    assert ensure([SINGER]) == [SINGER]
    assert ensure([SINGER], ask_again=True) == []


def test_without_terminal_and_rights_it_says_what_stays_out_and_the_command(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ensure([SINGER]) == [SINGER]
    said = capsys.readouterr().err
    assert machine.ran == []
    assert "nobody sings" in said
    assert f"sudo {INSTALL}" in said


def test_a_system_with_no_known_package_manager_gets_a_hint(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.on_path.clear()
    assert ensure([SINGER]) == [SINGER]
    assert "package manager of this system" in capsys.readouterr().err


def test_homebrew_needs_no_rights(machine: Machine) -> None:
    machine.on_path = {"brew"}
    machine.be(root=False, terminal=False, automated=True)
    assert ensure([SINGER]) == []
    assert machine.ran == ["brew install singer"]
