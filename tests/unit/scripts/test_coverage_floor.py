"""The coverage floor may rise and not fall."""

import subprocess
from pathlib import Path

from devtool.coverage_floor import floor, problems


def commit(repository: Path, project: str) -> None:
    (repository / "pyproject.toml").write_text(project)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["add", "."], [*identity, "commit", "-q", "-m", "change"]):
        subprocess.run(["git", *command], cwd=repository, check=True)


def repository_with_floor_of_80(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    commit(folder, "[report]\nfail_under = 0\n")
    commit(folder, "[report]\nfail_under = 80\n")
    return folder


def test_the_floor_is_read_from_the_project_file() -> None:
    assert floor("[report]\nfail_under = 87.5\n") == 87.5
    assert floor("[report]\n") == 0


def test_a_raised_floor_is_right(tmp_path: Path) -> None:
    repository = repository_with_floor_of_80(tmp_path)
    (repository / "pyproject.toml").write_text("[report]\nfail_under = 81\n")
    assert problems(repository) == []


def test_a_lowered_floor_is_found_before_and_after_its_commit(tmp_path: Path) -> None:
    repository = repository_with_floor_of_80(tmp_path)
    (repository / "pyproject.toml").write_text("[report]\nfail_under = 79\n")
    (before,) = problems(repository)
    commit(repository, "[report]\nfail_under = 79\n")
    (after,) = problems(repository)
    assert "is 79, but was 80" in before
    assert before == after


def test_a_floor_that_was_taken_out_is_found(tmp_path: Path) -> None:
    repository = repository_with_floor_of_80(tmp_path)
    commit(repository, "[report]\n")
    assert len(problems(repository)) == 1
