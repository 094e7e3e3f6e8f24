"""The environment is made once, and again only when what it was made from has changed."""

import sys
from pathlib import Path

import pytest

from devtool import environment
from devtool.environment import ensure, read_state
from devtool.project import CommandError


class Checkout:
    """A checkout whose installations are written down instead of carried out."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.done: list[str] = []
        self.failing = False
        self.venv = root / ".venv"
        (root / "requirements").mkdir()
        (root / "pyproject.toml").write_text("[project]\n")
        for lock in ("runtime", "dev"):
            self.lock(lock, "first")
        python = self.venv / "bin" / "python"
        for name, value in {
            "ROOT": root,
            "CACHE": root / ".cache",
            "REQUIREMENTS": root / "requirements",
            "PYTHON": python,
            "UV": python.with_name("uv"),
            "_STATE": self.venv / "state.json",
            "create_venv": self._create_venv,
            "_install_locks": self._install_locks,
            "_install_project": lambda: self.done.append("project"),
        }.items():
            monkeypatch.setattr(environment, name, value)

    def lock(self, name: str, text: str) -> None:
        (self.root / "requirements" / f"{name}.txt").write_text(text)

    def ensure(self, *locks: str) -> list[str]:
        """Returns what was done for it."""
        self.done.clear()
        ensure(locks)
        return list(self.done)

    def _create_venv(self) -> None:
        self.done.append("venv")
        folder = self.venv / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "python").unlink(missing_ok=True)
        (folder / "python").symlink_to(sys.executable)
        (folder / "uv").touch()

    def _install_locks(self, names: list[str]) -> None:
        self.done.extend(names)
        if self.failing:
            raise CommandError("no network", "plug it in")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


def test_the_first_run_makes_everything_and_the_second_nothing(checkout: Checkout) -> None:
    assert checkout.ensure("runtime") == ["venv", "runtime", "project"]
    assert checkout.ensure("runtime") == []


def test_another_lock_is_added_to_what_is_there(checkout: Checkout) -> None:
    checkout.ensure("runtime")
    assert checkout.ensure("dev") == ["dev"]
    assert checkout.ensure("runtime", "dev") == []


def test_a_changed_lock_is_installed_again_and_alone(checkout: Checkout) -> None:
    checkout.ensure("runtime", "dev")
    checkout.lock("dev", "second")
    assert checkout.ensure("runtime", "dev") == ["dev"]


def test_a_changed_project_file_is_installed_again(checkout: Checkout) -> None:
    checkout.ensure("runtime")
    (checkout.root / "pyproject.toml").write_text("[project]\nversion = '2'\n")
    assert checkout.ensure("runtime") == ["project"]


def test_an_installation_that_failed_half_way_is_made_anew(checkout: Checkout) -> None:
    checkout.ensure("runtime")
    checkout.failing = True
    with pytest.raises(CommandError):
        checkout.ensure("dev")
    assert read_state() is None
    checkout.failing = False
    assert checkout.ensure("dev") == ["venv", "dev", "project"]


def test_a_moved_checkout_gets_a_new_environment(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.ensure("runtime")
    monkeypatch.setattr(environment, "ROOT", checkout.root / ".")
    assert checkout.ensure("runtime") == []
    moved = checkout.root.with_name("elsewhere")
    checkout.root.rename(moved)
    for name, value in {
        "ROOT": moved,
        "CACHE": moved / ".cache",
        "REQUIREMENTS": moved / "requirements",
        "_STATE": moved / ".venv" / "state.json",
        "PYTHON": moved / ".venv" / "bin" / "python",
        "UV": moved / ".venv" / "bin" / "uv",
    }.items():
        monkeypatch.setattr(environment, name, value)
    checkout.root, checkout.venv = moved, moved / ".venv"
    assert checkout.ensure("runtime") == ["venv", "runtime", "project"]


def test_a_python_that_is_gone_is_replaced(checkout: Checkout) -> None:
    checkout.ensure("runtime")
    python = checkout.venv / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout.root / "removed")
    assert checkout.ensure("runtime")[0] == "venv"
