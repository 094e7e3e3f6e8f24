"""How the first installer comes onto a machine that may have neither venv, ensurepip nor pip.

`python -m venv --without-pip` works on every Python, Debian's included. What it lacks is an
installer. uv installs ten times faster than pip, so pip only has to install uv, pinned and hashed.
Any pip will do, and it can run straight from its wheel or folder, without being installed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from devtool.project import CACHE, REQUIREMENTS, ROOT, VENV, CommandError, run, say

PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"

NETWORK_REMEDY = (
    "see the lines above; behind a proxy or mirror, configure pip or uv for it; then try again"
)


def create_venv() -> None:
    """Creates the virtual environment, uv in it, from nothing but this Python.

    Raises:
        CommandError: When there is no pip to be had or uv cannot be downloaded.
    """
    say(f"Creating the Python environment in {VENV.name} (Python {sys.version.split()[0]})")
    run(
        [sys.executable, "-m", "venv", "--clear", "--without-pip", "--prompt", "voice-agent", VENV],
        failure="The virtual environment could not be created",
        remedy=f"check that you may write to {ROOT} and that the disk is not full",
    )
    run(
        [PYTHON, _find_pip(), "install", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "-r", REQUIREMENTS / "uv.txt"],
        failure="The installer uv could not be installed",
        remedy=NETWORK_REMEDY,
        environment={"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"},
    )  # fmt: skip


def uv_environment(*, extra_sources: bool = True) -> dict[str, str]:
    """Returns what uv needs to be told: its cache, and what pip is configured to use.

    uv does not read pip's configuration. A company's mirror or certificate, set for pip alone,
    must hold here as well, unless uv has its own.

    Args:
        extra_sources: Whether indexes and folders beside the main index count. Not for making
            locks: one of them may know a version, but only some of its files, hence its hashes.
    """
    environment = {"UV_NO_PROGRESS": "1"}
    if not os.environ.get("HOME") and not os.environ.get("UV_CACHE_DIR"):
        environment["UV_CACHE_DIR"] = str(CACHE / "uv")
    if any(name.startswith("UV_") and "INDEX" in name for name in os.environ):
        return environment
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
        "trusted-host": "UV_INSECURE_HOST",
    }
    if not extra_sources:
        del names["extra-index-url"], names["find-links"]
    for option, value in _pip_configuration():
        name = names.get(option)
        if name and name not in os.environ:
            environment[name] = value
    # Extra indexes are one pool to pip; uv would otherwise stop at the first that knows a name.
    if "UV_INDEX" in environment:
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return environment


def _pip_configuration() -> Iterator[tuple[str, str]]:
    try:
        pip = _find_pip()
    except CommandError:
        return
    result = subprocess.run(
        [PYTHON, pip, "config", "list"], capture_output=True, text=True, check=False
    )
    for line in result.stdout.splitlines():
        name, _, value = line.partition("=")
        # Later lines win: files first, then the environment.
        yield name.rpartition(".")[2], " ".join(value.strip("'").replace("\\n", " ").split())


def _find_pip() -> Path:
    """Returns the folder or wheel of any pip on this machine, fetched by apt when there is none."""
    installed = importlib.util.find_spec("pip")
    if installed is not None and installed.origin:
        return Path(installed.origin).parent
    folders = [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/usr/share/python-wheels"), CACHE]
    ensurepip = importlib.util.find_spec("ensurepip")
    if ensurepip is not None and ensurepip.origin:
        folders.insert(0, Path(ensurepip.origin).parent / "_bundled")
    for folder in folders:
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            return wheel / "pip"
    return _fetch_pip_with_apt() / "pip"


def _fetch_pip_with_apt() -> Path:
    """Fetches Debian's package of the pip wheel, checked by apt as any package is.

    It needs no root and installs nothing: apt works in a folder of ours.
    """
    remedy = "install it, for instance with: sudo apt-get install python3-venv"
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CommandError("This Python has neither pip nor ensurepip.", remedy)
    say("This Python comes without pip: fetching Debian's (python3-pip-whl)")
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        options = [
            "-qq",
            *("-o", f"Dir::State={folder}"),
            *("-o", f"Dir::Cache={folder}"),
            *("-o", "Dir::State::status=/var/lib/dpkg/status"),
            *("-o", "APT::Sandbox::User="),
        ]
        for part in ("lists/partial", "archives/partial"):
            (folder / part).mkdir(parents=True)
        for command in (["update"], ["download", "python3-pip-whl"]):
            run(
                ["apt-get", *options, *command],
                failure="pip could not be fetched from the Debian archive",
                remedy=remedy,
                folder=folder,
            )
        package = next(folder.glob("python3-pip-whl*.deb"))
        run(["dpkg-deb", "-x", package, folder], failure="The package is damaged", remedy=remedy)
        wheel = next(folder.glob("usr/share/python-wheels/pip-*.whl"))
        return Path(shutil.move(wheel, CACHE / wheel.name))
