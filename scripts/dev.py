"""The commands of `scripts/dev.sh`. Each does all the set-up it needs, and does nothing twice."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from build_console import BuildError, find_node
from devtool import coverage_floor, environment, locks, system
from devtool.installer import PYTHON
from devtool.project import (
    CACHE,
    ROOT,
    VENV,
    CommandError,
    has_terminal,
    is_automated,
    say,
    show,
)
from devtool.pytest_runs import SUITES, pytest_runs

_SERVERS = (system.POSTGRESQL, system.REDIS, system.COTURN, system.HAPROXY)
_TESTS_WANT = (system.FLITE, system.ESPEAK, system.CHROMIUM, *_SERVERS)
_NOTHING_COLLECTED = 5
"""Pytest's exit code."""


def setup() -> int:
    """Prepares everything that the other commands need."""
    _prepare("dev", _TESTS_WANT, ask_again=True)
    say("Ready: ./scripts/dev.sh start")
    return 0


def start(arguments: Sequence[str]) -> int:
    """Starts the server; options go to `voice-agent serve`."""
    missing = _prepare("runtime", [system.FLITE])
    # Something must speak. Homebrew's flite may come without the shared library that we need.
    if (missing or sys.platform == "darwin") and system.ESPEAK.path() is None:
        environment.ensure(["espeak"])
    os.chdir(ROOT)
    # The server takes this process's place, so that it gets the signals and gives the exit status.
    command = str(environment.tool("voice-agent"))
    sys.stderr.flush()
    os.execv(command, [command, "serve", *arguments])


def test(arguments: Sequence[str]) -> int:
    """Runs the tests: unit, integration, e2e or, by default, all; options go to pytest."""
    suites = [name for name in arguments if name in SUITES] or list(SUITES)
    options = [argument for argument in arguments if argument not in SUITES]
    programs = [*_SERVERS, *([system.FLITE, system.ESPEAK] if suites != ["unit"] else [])]
    if "e2e" in suites:
        programs.append(system.CHROMIUM)
    missing = _prepare("dev", programs)
    if missing and is_automated():
        names = ", ".join(program.name for program in missing)
        raise CommandError(
            f"No test may stay out in CI, and {names} is missing.", "install it first"
        )
    if system.CHROMIUM in missing:
        suites.remove("e2e")
    runs = pytest_runs(suites, options, cpu_count=os.cpu_count() or 1, root=ROOT)
    environment.compile_project()
    return _pytest(runs, _browser())


def soak(arguments: Sequence[str]) -> int:
    """Takes the long figures: the tests marked `soak`, one at a time, with what they print."""
    _prepare("dev", [system.FLITE, system.ESPEAK, system.CHROMIUM, *_SERVERS])
    runs = [["tests", "-m", "soak", "-s", "--timeout=3600", *arguments]]
    environment.compile_project()
    return _pytest(runs, _browser())


def lint() -> int:
    """Checks style, types, layers, licences, locks and the coverage floor; changes nothing."""
    environment.ensure(["dev"])
    checks: list[Sequence[object]] = [
        [environment.tool("ruff"), "check", "--quiet"],
        [environment.tool("ruff"), "format", "--check", "--quiet"],
        [environment.tool("mypy"), "--no-error-summary"],
        [environment.tool("lint-imports"), "--cache-dir", CACHE / "import-linter"],
        [PYTHON, ROOT / "scripts" / "devtool" / "licences.py"],
    ]
    with ThreadPoolExecutor() as pool:
        failed = sum(not passed for passed in pool.map(_check, checks))
    for problem in (*locks.problems(), *coverage_floor.problems()):
        print(problem)
        failed += 1
    if failed:
        raise CommandError(
            f"{failed} of the checks found something.", "mend them; dev.sh format mends the form"
        )
    say("Lint: all clean")
    return 0


def format_() -> int:
    """Formats the code and mends what ruff can mend by itself."""
    environment.ensure(["dev"])
    fixed = show([environment.tool("ruff"), "check", "--fix-only", "--quiet"])
    return show([environment.tool("ruff"), "format"]) or fixed


def doctor(arguments: Sequence[str]) -> int:
    """Shows what is there, then lets `voice-agent doctor` check the configuration."""
    environment.ensure(["runtime"])
    state = environment.read_state()
    rows = {
        "Python": environment.base_python(),
        "environment": f"{VENV.name}: {', '.join(state.locks) if state else 'none'}",
        "Node": _node() or "none (a wheel brings it for the console)",
    }
    for program in _TESTS_WANT:
        rows[program.name] = program.path() or f"missing; without it: {program.without}"
    for name, value in rows.items():
        print(f"{name:12} {value}")
    print(flush=True)
    return show([environment.tool("voice-agent"), "doctor", *arguments])


def lock(arguments: Sequence[str]) -> int:
    """Resolves the locks in requirements/ anew; --upgrade moves every pin to its newest version."""
    parser = argparse.ArgumentParser(prog="dev.sh lock")
    parser.add_argument("--upgrade", action="store_true")
    options = parser.parse_args(arguments)
    if environment.read_state() is None:
        environment.ensure(["dev"])
    locks.renew(upgrade=options.upgrade)
    return 0


def clean() -> int:
    """Removes all that the other commands have made here; not your data, not your .env."""
    names = (
        *(".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".coverage", "build", "dist"),
        *("console/node_modules", "clients/js/node_modules", "clients/js/dist"),
        "src/voice_agent/console",
    )
    environment.clean([ROOT / name for name in names])
    environment.clean([path for path in CACHE.glob("*") if path.name != "setup.lock"])
    environment.clean(list(ROOT.glob("src/**/__pycache__")))
    return 0


_COMMANDS: dict[str, Callable[..., int]] = {
    "setup": setup,
    "start": start,
    "test": test,
    "lint": lint,
    "format": format_,
    "doctor": doctor,
    "soak": soak,
    "lock": lock,
    "clean": clean,
}
_WITHOUT_OPTIONS = {"setup", "lint", "format", "clean"}


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status."""
    name, *rest = arguments or ["help"]
    command = _COMMANDS.get(name)
    if command is None:
        print("usage: dev.sh COMMAND [options]\n")
        for known, function in _COMMANDS.items():
            print(f"  {known:8} {(function.__doc__ or '').splitlines()[0]}")
        return 0 if name in ("help", "-h", "--help") else 2
    if rest and name in _WITHOUT_OPTIONS:
        print(f"dev.sh {name} takes no options, and got: {' '.join(rest)}", file=sys.stderr)
        return 2
    try:
        return command() if name in _WITHOUT_OPTIONS else command(rest)
    except CommandError as error:
        print(f"dev.sh {name}: {error}\n  -> {error.remedy}", file=sys.stderr)
        return 1
    except OSError as error:
        remedy = f"check the disk, and who owns {ROOT} (was it used as root?)"
        print(f"dev.sh {name}: {error}\n  -> {remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"dev.sh {name}: interrupted; the next run goes on from here", file=sys.stderr)
        return 130


def _prepare(
    lock_name: str, programs: Sequence[system.Program], *, ask_again: bool = False
) -> list[system.Program]:
    """Brings environment, console and programs up to date, at once where nobody is asked.

    Returns:
        The programs that are missing still.
    """
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        installing = pool.submit(system.ensure, programs, ask_again=ask_again)
        if has_terminal() and os.geteuid() != 0:
            installing.result()
        if _node() is None:
            environment.ensure(["console"])
        environment.ensure([])
        building = pool.submit(_build_console)
        environment.ensure([lock_name])
        building.result()
        missing = installing.result()
    taken = time.monotonic() - began
    if taken > 2:
        say(f"Set up in {taken:.0f} s")
    return missing


def _build_console() -> None:
    """Brings the console up to date.

    Raises:
        CommandError: When it could not be built; the builder has said why.
    """
    command = [str(PYTHON), str(ROOT / "scripts" / "build_console.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if "up to date" not in line:
                say(line.strip())
    if process.returncode != 0:
        raise CommandError("The web console could not be built.", "see the lines above")


def _node() -> str | None:
    """Returns the Node of this machine when it is new enough to build the console."""
    try:
        node = find_node()
    except BuildError:
        return None
    return f"{node.program} ({'.'.join(map(str, node.version))})"


def _browser() -> Mapping[str, str]:
    """Returns what tells the tests which browser to use."""
    chromium = system.CHROMIUM.path()
    return {"CHROMIUM": chromium} if chromium else {}


def _pytest(runs: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> int:
    """Runs pytest once for each; returns 0 when all that was found passed."""
    statuses = [show([PYTHON, "-m", "pytest", *options], environment) for options in runs]
    found = [status for status in statuses if status != _NOTHING_COLLECTED]
    if not found:
        raise CommandError("No test matches that.", "leave the options out, or see tests/")
    return next((status for status in found if status != 0), 0)


def _check(command: Sequence[object]) -> bool:
    result = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        print((result.stdout + result.stderr).strip(), flush=True)
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
