"""Programs from the system's package manager: what is missing, what that costs, how to get it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtool.project import CACHE, ROOT, has_terminal, is_automated, say

_DECLINED = CACHE / "declined.json"


@dataclass(frozen=True)
class Program:
    """A program that is not a Python package.

    Attributes:
        name: What people call it.
        commands: Any of these on the path, or a file of this pattern, means that it is there.
        apt: Its Debian and Ubuntu package.
        brew: Its Homebrew formula, with the options it needs.
        without: What stays out when it is missing.
    """

    name: str
    commands: tuple[str, ...]
    apt: str
    brew: str
    without: str

    def path(self) -> str | None:
        """Returns where the program is, or None."""
        return next(filter(None, map(_found, self.commands)), None)


FLITE = Program(
    "flite", ("flite",), "flite", "flite", "agents speak with espeak-ng's more robotic voice"
)
ESPEAK = Program(
    "espeak-ng", ("espeak-ng",), "espeak-ng", "espeak-ng", "the tests that speak with its voice"
)
CHROMIUM = Program(
    "Chromium",
    (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    "chromium",
    "--cask chromium",
    "the end-to-end tests, which drive the page in a real browser",
)

POSTGRESQL = Program(
    "PostgreSQL",
    # Debian keeps it out of the path.
    ("postgres", "/usr/lib/postgresql/*/bin/postgres"),
    "postgresql",
    "postgresql@17",
    "the tests that keep sessions in it",
)
REDIS = Program(
    "Redis", ("redis-server",), "redis-server", "redis", "the tests that keep sessions in it"
)
HAPROXY = Program(
    "HAProxy",
    ("haproxy", "/usr/sbin/haproxy"),
    "haproxy",
    "haproxy",
    "the tests of servers behind a load balancer",
)
COTURN = Program(
    "coturn", ("turnserver",), "coturn", "coturn", "the tests that relay calls through TURN"
)


def ensure(programs: Sequence[Program], *, ask_again: bool = False) -> list[Program]:
    """Installs what is missing if it may: at once as root or in CI, after a question on a terminal.

    Args:
        programs: What the command would like to have.
        ask_again: Whether a question that was answered with no is asked once more.

    Returns:
        The programs that are still missing; what stays out and how to get it has been said.
    """
    missing = [program for program in programs if program.path() is None]
    if not missing:
        return []
    commands = _install_commands(missing)
    names = ", ".join(program.name for program in missing)
    if commands and _may_install(names, commands, ask_again=ask_again):
        say(f"Installing {names} with {Path(_manager() or '').name}")
        _install(commands)
    still = [program for program in missing if program.path() is None]
    for program in still:
        say(f"Without {program.name}: {program.without}.")
    if still:
        hint = " && ".join(shlex.join(command) for command in _install_commands(still))
        say(f"To get it: {hint or 'install it with the package manager of this system'}")
    return still


def _found(command: str) -> str | None:
    if "*" in command:
        found = [str(path) for path in Path("/").glob(command.lstrip("/"))]
        return max(found, default=None)
    return shutil.which(command)


def _manager() -> str | None:
    return shutil.which("apt-get") or shutil.which("brew")


def _install_commands(programs: Sequence[Program]) -> list[list[str]]:
    manager = _manager()
    if manager is None:
        return []
    if Path(manager).name == "brew":
        return [["brew", "install", *program.brew.split()] for program in programs]
    packages = [program.apt for program in programs]
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    return [[*prefix, "apt-get", "install", "-y", "--no-install-recommends", *packages]]


def _may_install(names: str, commands: Sequence[Sequence[str]], *, ask_again: bool) -> bool:
    needs_sudo = commands[0][0] == "sudo"
    if os.geteuid() == 0:
        return True
    if is_automated():
        return not needs_sudo or _sudo_asks_nothing()
    if not has_terminal() or (needs_sudo and shutil.which("sudo") is None):
        return False
    if names in _declined() and not ask_again:
        return False
    question = f"{names} is missing. Run `{' && '.join(map(shlex.join, commands))}`? [Y/n] "
    print(question, end="", file=sys.stderr, flush=True)
    agreed = sys.stdin.readline().strip().lower() in {"", "y", "yes"}
    if not agreed:
        CACHE.mkdir(exist_ok=True)
        _DECLINED.write_text(json.dumps(sorted({*_declined(), names})))
    return agreed


def _declined() -> set[str]:
    try:
        return set(json.loads(_DECLINED.read_text()))
    except (OSError, ValueError):
        return set()


def _sudo_asks_nothing() -> bool:
    sudo = shutil.which("sudo")
    return sudo is not None and subprocess.run([sudo, "-n", "true"], check=False).returncode == 0


def _install(commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        if _quietly(command):
            continue
        if "apt-get" not in command:
            continue
        # A machine without package lists, as containers are, finds nothing at first.
        update = [*command[: command.index("apt-get")], "apt-get", "update"]
        _quietly(update)
        if not _quietly(command):
            say(f"This failed: {shlex.join(command)}")


def _quietly(command: Sequence[str]) -> bool:
    """Runs it with its output in a log; sudo may still ask for a password on the terminal."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "packages.log").open("ab") as log:
        environment = {"DEBIAN_FRONTEND": "noninteractive", "HOMEBREW_NO_AUTO_UPDATE": "1"}
        if "apt-get" in command:
            at = list(command).index("apt-get") + 1
            command = [*command[:at], "-qq", "-o", "DPkg::Lock::Timeout=120", *command[at:]]
        return (
            subprocess.run(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log,
                check=False,
            ).returncode == 0
        )  # fmt: skip
