"""The lock files: which there are, how they are renewed, whether they fit `pyproject.toml`."""

import hashlib
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from devtool.installer import UV, uv_environment
from devtool.project import REQUIREMENTS, ROOT, CommandError, say

# In this order: what is needed together must agree, so the later ones are held to the first.
LOCKS = ("dev", "runtime", "espeak", "console", "build", "uv")

_OLDEST_PYTHON = "3.11"
_REMEDY = "run ./scripts/dev.sh lock and commit requirements/"
_ADDRESS = re.compile(r"https?://|file:|index-url|find-links")


def inputs(lock: str, project: Mapping[str, Any]) -> list[str]:
    """Returns the requirements that a lock is made from, as `pyproject.toml` has them."""
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    groups: dict[str, list[str]] = project["dependency-groups"]
    runtime: list[str] = project["project"]["dependencies"]
    if lock == "runtime":
        return runtime
    if lock == "dev":
        return [*runtime, *(one for extra in extras.values() for one in extra), *groups["dev"]]
    return extras[lock] if lock in extras else groups[lock]


def renew(*, upgrade: bool) -> None:
    """Resolves all locks anew, for every supported Python and platform.

    Args:
        upgrade: Whether pins that still fit are moved to the newest version too.

    Raises:
        CommandError: When the requirements contradict each other or an index cannot be reached.
    """
    project = read_project()
    for lock in LOCKS:
        say(f"Resolving requirements/{lock}.txt")
        file = REQUIREMENTS / f"{lock}.txt"
        requirements = inputs(lock, project)
        command = [
            *(UV, "pip", "compile", "-", "--quiet"),
            *("--universal", "--python-version", _OLDEST_PYTHON),
            *("--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"),
            *("--output-file", file),
            *(("--constraints", REQUIREMENTS / "dev.txt") if lock in ("runtime", "espeak") else ()),
            *(("--upgrade",) if upgrade and lock not in ("runtime", "espeak") else ()),
        ]  # fmt: skip
        result = subprocess.run(
            [str(part) for part in command],
            input="\n".join(requirements),
            env={**os.environ, **uv_environment(extra_sources=False)},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise CommandError(
                f"requirements/{lock}.txt could not be resolved:\n{result.stderr}",
                "relax the requirement in pyproject.toml that is named above",
            )
        file.write_text(header(requirements) + file.read_text())


def problems() -> list[str]:
    """Returns what is wrong: locks older than `pyproject.toml`, or an index address in them."""
    project = read_project()
    found = []
    for lock in LOCKS:
        file = REQUIREMENTS / f"{lock}.txt"
        if not file.exists():
            found.append(f"requirements/{lock}.txt is missing: {_REMEDY}")
            continue
        text = file.read_text()
        if not text.startswith(header(inputs(lock, project))):
            found.append(f"requirements/{lock}.txt does not fit pyproject.toml: {_REMEDY}")
        if _ADDRESS.search(text):
            found.append(
                f"requirements/{lock}.txt names an address; locks name packages and hashes"
            )
    return found


def read_project() -> dict[str, Any]:
    """Returns `pyproject.toml`, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def header(requirements: Sequence[str]) -> str:
    """Returns the first lines of a lock, which tell what requirements it was made from."""
    digest = hashlib.sha256(json.dumps(sorted(requirements)).encode()).hexdigest()
    return (
        "# Made by ./scripts/dev.sh lock from pyproject.toml; do not edit.\n"
        f"# requirements: {digest}\n"
    )
