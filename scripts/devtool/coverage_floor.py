"""The coverage that the tests must reach: written in `pyproject.toml`, and never lowered."""

import re
import subprocess
from pathlib import Path

from devtool.project import ROOT

_FLOOR = re.compile(r"^fail_under\s*=\s*([\d.]+)", re.MULTILINE)


def floor(project: str) -> float:
    """Returns the floor that a `pyproject.toml` sets, in percent; 0 when it sets none."""
    found = _FLOOR.search(project)
    return float(found[1]) if found else 0.0


def problems(root: Path = ROOT) -> list[str]:
    """Returns a line when the floor is below one that an earlier commit had."""
    now = floor((root / "pyproject.toml").read_text())
    # As far back as this clone goes: the commits that touched the floor.
    commits = _git(root, "log", "--format=%H", "-G", "^fail_under", "--", "pyproject.toml").split()
    highest, commit = max(
        ((floor(_git(root, "show", f"{commit}:pyproject.toml")), commit) for commit in commits),
        default=(0.0, ""),
    )
    if now >= highest:
        return []
    return [f"fail_under is {now:g}, but was {highest:g} in {commit[:10]}: it may only rise"]


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    return result.stdout
