"""The locks belong to the requirements that they were made from."""

from pathlib import Path

import pytest

from devtool import locks

PROJECT = """
[project]
dependencies = ["one>=1"]
optional-dependencies = { espeak = ["two>=2"], other = ["three"] }
[dependency-groups]
dev = ["four"]
console = ["five"]
build = ["six"]
uv = ["uv"]
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    monkeypatch.setattr(locks, "ROOT", tmp_path)
    monkeypatch.setattr(locks, "REQUIREMENTS", requirements)
    for lock in locks.LOCKS:
        header = locks.header(locks.inputs(lock, locks.read_project()))
        (requirements / f"{lock}.txt").write_text(f"{header}one==1 --hash=sha256:00\n")
    return tmp_path


def test_the_development_lock_holds_everything_that_tests_need() -> None:
    project = {
        "project": {"dependencies": ["one"], "optional-dependencies": {"espeak": ["two"]}},
        "dependency-groups": {"dev": ["three"], "console": ["four"]},
    }
    assert locks.inputs("dev", project) == ["one", "two", "three"]
    assert locks.inputs("runtime", project) == ["one"]
    assert locks.inputs("espeak", project) == ["two"]
    assert locks.inputs("console", project) == ["four"]


@pytest.mark.usefixtures("checkout")
def test_fresh_locks_have_no_problems() -> None:
    assert locks.problems() == []


def test_a_changed_requirement_makes_the_locks_that_hold_it_old(checkout: Path) -> None:
    (checkout / "pyproject.toml").write_text(PROJECT.replace("two>=2", "two>=3"))
    found = "\n".join(locks.problems())
    assert "dev.txt does not fit" in found
    assert "espeak.txt does not fit" in found
    assert "runtime.txt" not in found


def test_an_index_address_in_a_lock_is_found(checkout: Path) -> None:
    lock = checkout / "requirements" / "runtime.txt"
    lock.write_text(f"{lock.read_text()}-i https://mirror.example/simple\n")
    (problem,) = locks.problems()
    assert "names an address" in problem


def test_a_missing_lock_is_found(checkout: Path) -> None:
    (checkout / "requirements" / "console.txt").unlink()
    (problem,) = locks.problems()
    assert problem.startswith("requirements/console.txt is missing")


def test_the_locks_of_this_checkout_fit() -> None:
    assert locks.problems() == []
