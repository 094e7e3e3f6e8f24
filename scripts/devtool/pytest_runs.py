"""How the tests are run: many at once, then the real-time ones, then alone those that measure."""

from collections.abc import Sequence
from pathlib import Path

SUITES = ("unit", "integration", "e2e")
WORKERS_PER_CPU = 2
"""Most tests wait for speech to be over, so there may be more of them than processors."""
_MARKS = (
    "not soak and not alone and not real_time",
    "real_time and not alone and not soak",
    "alone and not soak",
)
_SELECTING = ("-k", "-m", "-x", "--lf", "--last-failed", "--co", "tests/")


def files_with(mark: str, suites: Sequence[str], root: Path) -> list[str]:
    """Return the test files of `suites` in which `mark` is used, relative to `root`, sorted."""
    return sorted(
        str(path.relative_to(root))
        for suite in suites
        for path in (root / "tests" / suite).rglob("test_*.py")
        if f"pytest.mark.{mark}" in path.read_text()
    )


def pytest_runs(
    suites: Sequence[str], options: Sequence[str], *, cpu_count: int, root: Path
) -> list[list[str]]:
    """Return pytest's arguments for each run, in order.

    Tests marked `real_time` speak and listen, so there are no more of them at once than processors;
    nothing runs beside one marked `alone`, which measures time. `options` are the user's own and go
    to every run; with a `-m` of theirs there is one run. Coverage is counted in the first run, when
    everything is tested: counting makes code slower, and the others are about time. The later runs
    are given only the files that have such tests: collecting all takes ten seconds.

    Args:
        suites: Which of `SUITES` to run.
        options: More options for pytest.
        cpu_count: The processors of this machine.
        root: The project's folder.
    """
    folders = [f"tests/{name}" for name in suites]
    workers = max(1, min(cpu_count * WORKERS_PER_CPU, 6))
    if any(option.startswith("-m") for option in options):
        return [[*folders, *options, *_parallel(workers, options)]]
    coverage = []
    if tuple(suites) == SUITES and not any(option.startswith(_SELECTING) for option in options):
        coverage = ["--cov", "--cov-report=term"]
    few = min(cpu_count, 4)
    real_time = files_with("real_time", suites, root)
    alone = files_with("alone", suites, root)
    runs = [[*folders, *options, *_parallel(workers, options), *coverage, "-m", _MARKS[0]]]
    if real_time:
        runs.append([*real_time, *options, *_parallel(few, options), "-m", _MARKS[1]])
    if alone:
        runs.append([*alone, *options, "-n", "0", "-m", _MARKS[2]])
    return runs


def _parallel(workers: int, options: Sequence[str]) -> list[str]:
    if any(option.startswith(("-n", "--numprocesses")) for option in options):
        return []
    # A file's tests stay together: its server is started once, and Playwright, whose event loop no
    # other test could run beside, is stopped with it.
    return ["-n", str(workers), "--dist", "loadfile"]
