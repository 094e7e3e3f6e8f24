"""Where things are in the checkout, how to speak to the developer, how to run a program."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"


class CommandError(Exception):
    """Something that stops a command.

    Attributes:
        remedy: What the developer can do about it, one line.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def say(message: str) -> None:
    """Tells in one line what is being done, on standard error."""
    print(f"==> {message}", file=sys.stderr, flush=True)


def is_automated() -> bool:
    """Whether this run belongs to a continuous-integration service (`CI=true`)."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def has_terminal() -> bool:
    """Whether somebody is there to answer a question."""
    return not is_automated() and sys.stdin.isatty() and sys.stderr.isatty()


def run(
    command: Sequence[str | Path],
    *,
    failure: str,
    remedy: str,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """Runs a program quietly.

    Returns:
        Its standard output.

    Raises:
        CommandError: When it cannot be started or fails; what it printed is shown first.
    """
    try:
        result = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise CommandError(f"{failure}: {error}", remedy) from error
    if result.returncode != 0:
        output = (result.stdout + result.stderr).strip().splitlines()
        print("\n".join(f"    {line}" for line in output[-25:]), file=sys.stderr)
        raise CommandError(f"{failure} ({shlex.join(map(str, command[:4]))} ...)", remedy)
    return result.stdout


def show(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> int:
    """Runs a program whose output the developer wants to see.

    Returns:
        Its exit status; 130 when it was interrupted from the keyboard.
    """
    process = subprocess.Popen(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **(environment or {})}
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has sent it to the program too, which is now winding up.
        process.wait()
        return 130
