"""How the tests are split into runs."""

from pathlib import Path

import pytest

from devtool.pytest_runs import SUITES, files_with, pytest_runs

FILES = {
    "unit/test_quick.py": "",
    "integration/test_calls.py": "pytestmark = pytest.mark.real_time",
    "integration/test_figures.py": "@pytest.mark.alone",
    "e2e/test_page.py": "@pytest.mark.real_time",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def marks(run: list[str]) -> str:
    return run[run.index("-m") + 1]


def test_tests_that_measure_time_run_after_the_others_one_at_a_time(root: Path) -> None:
    together, real_time, alone = pytest_runs(SUITES, [], cpu_count=2, root=root)
    assert together[together.index("-n") + 1] == "4"
    assert "not alone" in marks(together)
    assert "not real_time" in marks(together)
    assert real_time[real_time.index("-n") + 1] == "2"
    assert marks(real_time).startswith("real_time")
    assert alone[alone.index("-n") + 1] == "0"
    assert marks(alone).startswith("alone")
    assert together[:3] == ["tests/unit", "tests/integration", "tests/e2e"]
    assert real_time[:2] == ["tests/e2e/test_page.py", "tests/integration/test_calls.py"]
    assert alone[:1] == ["tests/integration/test_figures.py"]
    assert all("not soak" in marks(run) for run in (together, real_time, alone))


def test_a_suite_without_such_tests_has_one_run(root: Path) -> None:
    assert len(pytest_runs(["unit"], [], cpu_count=2, root=root)) == 1


def test_what_is_marked_here_is_found_by_its_text() -> None:
    project = Path(__file__).parents[3]
    assert "tests/e2e/test_conversation.py" in files_with("real_time", SUITES, project)
    assert "tests/integration/calls/test_short_figures.py" in files_with("alone", SUITES, project)


def test_coverage_is_counted_and_judged_where_time_does_not_matter(root: Path) -> None:
    together, *about_time = pytest_runs(SUITES, ["-q"], cpu_count=2, root=root)
    assert "--cov" in together
    assert "--cov-fail-under=0" not in together
    assert not any(argument.startswith("--cov") for run in about_time for argument in run)


@pytest.mark.parametrize("option", ["-k", "--lf", "tests/unit/test_cli.py"])
def test_a_part_of_the_tests_says_nothing_about_coverage(option: str, root: Path) -> None:
    runs = pytest_runs(SUITES, [option], cpu_count=2, root=root)
    assert not any(argument.startswith("--cov") for run in runs for argument in run)
    assert all(option in run for run in runs)
    assert not any("--cov" in run for run in pytest_runs(["unit"], [], cpu_count=2, root=root))


def test_ones_own_choice_of_marks_and_workers_holds(root: Path) -> None:
    assert pytest_runs(["unit"], ["-m", "soak", "-n", "1"], cpu_count=2, root=root) == [
        ["tests/unit", "-m", "soak", "-n", "1"]
    ]
