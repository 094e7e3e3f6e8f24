"""How the tests are run: many at once first, then, one at a time, those that measure time."""

from collections.abc import Sequence

SUITES = ("unit", "integration", "e2e")
WORKERS_PER_CPU = 1.5
"""Most tests wait for speech to be over, so there may be more of them than processors."""
_SELECTING = ("-k", "-m", "-x", "--lf", "--last-failed", "--co", "tests/")


def pytest_runs(
    suites: Sequence[str], options: Sequence[str], *, cpu_count: int
) -> list[list[str]]:
    """Return pytest's arguments for each run, in order.

    A test marked `alone` measures time, or speaks and listens in real time, so nothing runs beside
    it. `options` are the user's own and go to every run; with a `-m` of theirs there is one run.
    Coverage is counted over all runs, when everything is tested.

    Args:
        suites: Which of `SUITES` to run.
        options: More options for pytest.
        cpu_count: The processors of this machine.
    """
    folders = [f"tests/{name}" for name in suites]
    parallel = []
    if not any(option.startswith(("-n", "--numprocesses")) for option in options):
        # A file's tests stay together: its server is started once, and Playwright, whose event loop
        # no other test could run beside, is stopped with it.
        workers = max(1, min(round(cpu_count * WORKERS_PER_CPU), 6))
        parallel = ["-n", str(workers), "--dist", "loadfile"]
    if any(option.startswith("-m") for option in options):
        return [[*folders, *options, *parallel]]
    first_coverage, last_coverage = [], []
    if tuple(suites) == SUITES and not any(option.startswith(_SELECTING) for option in options):
        first_coverage = ["--cov", "--cov-report=", "--cov-fail-under=0"]
        last_coverage = ["--cov", "--cov-append", "--cov-report=term"]
    return [
        [*folders, *options, *parallel, *first_coverage, "-m", "not soak and not alone"],
        [*folders, *options, "-n", "0", *last_coverage, "-m", "alone and not soak"],
    ]
