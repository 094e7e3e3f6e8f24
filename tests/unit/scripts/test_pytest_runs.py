"""How the tests are split into runs."""

import pytest

from devtool.pytest_runs import SUITES, pytest_runs


def marks(run: list[str]) -> str:
    return run[run.index("-m") + 1]


def test_tests_that_measure_time_run_after_the_others_one_at_a_time() -> None:
    together, real_time, alone = pytest_runs(SUITES, [], cpu_count=2)
    assert together[together.index("-n") + 1] == "3"
    assert "not alone" in marks(together)
    assert "not real_time" in marks(together)
    assert real_time[real_time.index("-n") + 1] == "2"
    assert marks(real_time).startswith("real_time")
    assert alone[alone.index("-n") + 1] == "0"
    assert marks(alone).startswith("alone")
    for run in (together, real_time, alone):
        assert run[:3] == ["tests/unit", "tests/integration", "tests/e2e"]
        assert "not soak" in marks(run)


def test_coverage_is_counted_over_all_runs_and_judged_after_the_last() -> None:
    together, real_time, alone = pytest_runs(SUITES, ["-q"], cpu_count=2)
    assert "--cov-fail-under=0" in together
    assert "--cov-append" not in together
    assert "--cov-append" in real_time
    assert "--cov-append" in alone
    assert "--cov-fail-under=0" not in alone


@pytest.mark.parametrize("option", ["-k", "--lf", "tests/unit/test_cli.py"])
def test_a_part_of_the_tests_says_nothing_about_coverage(option: str) -> None:
    runs = pytest_runs(SUITES, [option], cpu_count=2)
    assert not any(argument.startswith("--cov") for run in runs for argument in run)
    assert all(option in run for run in runs)
    assert not any("--cov" in run for run in pytest_runs(["unit"], [], cpu_count=2))


def test_ones_own_choice_of_marks_and_workers_holds() -> None:
    assert pytest_runs(["unit"], ["-m", "soak", "-n", "1"], cpu_count=2) == [
        ["tests/unit", "-m", "soak", "-n", "1"]
    ]
