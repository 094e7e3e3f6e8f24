"""The coverage that the tests must reach: written in `pyproject.toml`, and never lowered."""

import re
import subprocess

from devtool.project import ROOT

_FLOOR = re.compile(r"^fail_under\s*=\s*([\d.]+)", re.MULTILINE)


def floor(project: str) -> float:
    """Returns the floor that a `pyproject.toml` sets, in percent; 0 when it sets none."""
    found = _FLOOR.search(project)
    return float(found[1]) if found else 0.0


def problems() -> list[str]:
    """Returns a line when the floor is below one that an earlier commit had."""
    now = floor((ROOT / "pyproject.toml").read_text())
    highest, commit = max(
        ((floor(_git("show", f"{commit}:pyproject.toml")), commit) for commit in _commits()),
        default=(0.0, ""),
    )
    if now >= highest:
        return []
    return [f"fail_under is {now:g}, but was {highest:g} in {commit[:10]}: it may only rise"]


def _commits() -> list[str]:
    """Returns the commits, as far back as this clone goes, that touched the floor."""
    return _git("log", "--format=%H", "-G", "^fail_under", "--", "pyproject.toml").split()


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.stdout
