"""Whether everything that comes with the package may be shipped under its licence.

Run with the environment's Python, from `dev.sh lint`. What counts is what `pip install` of our
wheel brings (extras aside, which a user chooses), what the console's bundle contains, and the
shared libraries that wheels carry inside: their licence is not in the wheel's metadata.
"""

import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

# How packages without an SPDX expression write their licences, in the old field or in a classifier.
_SPELLINGS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "gnu library or lesser general public license (lgpl)": "LGPL-2.1-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "lgpl": "LGPL-2.1-or-later",
    "mit license": "MIT",
    "python software foundation license": "PSF-2.0",
}

_DISTRIBUTION = "voice-agent-backend"


def main() -> int:
    """Prints what may not be shipped and returns how many findings there are."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["voice-agent"]["licences"]
    allowed = set(rules["allowed"])
    findings = [
        f"{name}: {licence or 'no licence stated'} is not in the list of allowed licences"
        for name, licence in (*_python_packages(), *_console_packages())
        if not is_allowed(licence, allowed)
    ]
    findings += [
        f"{name} carries {library}, which is copyleft; "
        "name it under [tool.voice-agent.licences.carried] with a reason, or drop it"
        for name, library in _copyleft_libraries(rules["copyleft-libraries"])
        if library not in rules["carried"].get(name, {})
    ]
    for finding in findings:
        print(f"licences: {finding}")
    return len(findings)


def is_allowed(licence: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met: every part of an AND, any part of an OR."""
    expression = licence.replace("(", " ").replace(")", " ").strip()
    if not expression:
        return False
    return any(
        all(part.strip() in allowed for part in re.split(r"\s+AND\s+", alternative))
        for alternative in re.split(r"\s+OR\s+", expression)
    )


def spdx(metadata: Mapping[str, str], classifiers: list[str]) -> str:
    """Returns the licence of a package as an SPDX expression; empty when it states none."""
    if expression := metadata.get("License-Expression"):
        return expression
    stated = metadata.get("License", "").strip()
    if stated and len(stated) < 60:
        return _SPELLINGS.get(stated.lower(), stated)
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    return " OR ".join(_SPELLINGS.get(name.lower(), name) for name in names)


def _python_packages() -> Iterator[tuple[str, str]]:
    for distribution in _closure():
        metadata = distribution.metadata
        fields = {
            key: metadata[key] for key in ("License-Expression", "License") if key in metadata
        }
        yield metadata["Name"], spdx(fields, metadata.get_all("Classifier") or [])


def _closure() -> list[importlib.metadata.Distribution]:
    """Returns our distribution and all that it requires here, extras of requirements included."""
    seen: dict[tuple[str, str], importlib.metadata.Distribution] = {}
    waiting = [(_DISTRIBUTION, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        distribution = importlib.metadata.distribution(name)
        seen[name, extra] = distribution
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found = canonicalize_name(requirement.name)
                waiting += [(found, part) for part in ("", *requirement.extras)]
    return list({name: distribution for (name, _), distribution in sorted(seen.items())}.values())


def _console_packages() -> Iterator[tuple[str, str]]:
    """Yields the npm packages that may end up in a bundle: all but those for development."""
    for folder in (ROOT / "console", ROOT / "clients" / "js"):
        lock = folder / "package-lock.json"
        for path, package in json.loads(lock.read_text())["packages"].items():
            if path and not package.get("dev"):
                yield path.rpartition("node_modules/")[2], package.get("license", "")


def _copyleft_libraries(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yields the shared libraries inside installed wheels that have one of these names."""
    pattern = re.compile(rf"^lib({'|'.join(map(re.escape, names))})[-.]")
    for distribution in _closure():
        for file in distribution.files or []:
            match = pattern.match(file.name)
            if match:
                yield canonicalize_name(distribution.metadata["Name"]), match[1]


if __name__ == "__main__":
    sys.exit(min(main(), 1))
