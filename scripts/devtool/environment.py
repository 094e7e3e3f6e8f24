"""The virtual environment: made once, updated when a lock changes, made anew when half made."""

import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from devtool.installer import NETWORK_REMEDY, PYTHON, UV, create_venv, uv_environment
from devtool.project import CACHE, REQUIREMENTS, ROOT, VENV, CommandError, run, say

_STATE = VENV / "voice-agent-state.json"


@dataclass(frozen=True)
class State:
    """What the environment was made from.

    Attributes:
        checkout: The folder it was made in; an environment does not survive being moved.
        python: The version (major.minor) of its Python.
        project: Hash of `pyproject.toml`, which decides what the editable installation holds.
        locks: Hash of each lock that is installed, by its name.
    """

    checkout: str
    python: str
    project: str = ""
    locks: Mapping[str, str] = field(default_factory=dict)


def ensure(locks: Sequence[str]) -> None:
    """Makes the environment hold what these locks name and the project itself, editable.

    Does nothing, in milliseconds, when it does already. Two runs at once take turns; a run that
    was interrupted leaves no state behind, so that the next one starts afresh.

    Args:
        locks: Names of files in `requirements/`, without `.txt`.

    Raises:
        CommandError: When something cannot be downloaded, written or built.
    """
    wanted = {name: _hash(REQUIREMENTS / f"{name}.txt") for name in locks}
    project = _hash(ROOT / "pyproject.toml")
    if _is_current(read_state(), wanted, project):
        return
    with _alone():
        state = read_state()
        if _is_current(state, wanted, project):
            return
        if state is None or not _is_usable(state):
            create_venv()
            state = State(str(ROOT), _version(), locks={})
        _STATE.unlink(missing_ok=True)
        missing = [name for name in locks if state.locks.get(name) != wanted[name]]
        if missing:
            _install_locks(missing)
        if state.project != project:
            _install_project()
        _write_state(
            State(str(ROOT), state.python, project, {**state.locks, **wanted}),
        )


def holds(lock: str) -> bool:
    """Whether the environment has this lock installed, in any version of the lock."""
    state = read_state()
    return state is not None and lock in state.locks


def read_state() -> State | None:
    """Returns what the environment was made from; None when there is none, or a half-made one."""
    try:
        return State(**json.loads(_STATE.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _is_current(state: State | None, wanted: Mapping[str, str], project: str) -> bool:
    return (
        state is not None
        and state.checkout == str(ROOT)
        and state.project == project
        and PYTHON.exists()
        and all(state.locks.get(name) == value for name, value in wanted.items())
    )


def _is_usable(state: State) -> bool:
    if state.checkout != str(ROOT):
        say("The checkout was moved since its environment was made: making it anew")
        return False
    if not (PYTHON.exists() and UV.exists() and _version() == state.python):
        say("The Python that the environment was made with is gone: making it anew")
        return False
    return True


def _install_locks(names: Sequence[str]) -> None:
    say(f"Installing the locked dependencies ({', '.join(names)})")
    files = [part for name in names for part in ("-r", REQUIREMENTS / f"{name}.txt")]
    # Tests start a hundred servers. Where Python may not write what it compiled, each would
    # compile 2,200 modules: 2.7 of the 4.7 s of CPU that a start takes then.
    compiled = ["--compile-bytecode"] if "dev" in names else []
    run(
        [UV, "pip", "install", "--python", PYTHON, "--quiet", "--require-hashes", *compiled,
         "--build-constraints", REQUIREMENTS / "build.txt", *files],
        failure="The dependencies could not be installed",
        remedy=NETWORK_REMEDY,
        environment=uv_environment(),
    )  # fmt: skip


def _install_project() -> None:
    say("Installing this checkout (editable)")
    run(
        [UV, "pip", "install", "--python", PYTHON, "--quiet", "--no-deps",
         "--build-constraints", REQUIREMENTS / "build.txt", "--editable", ROOT],
        failure="The project could not be installed",
        remedy=NETWORK_REMEDY,
        environment=uv_environment(),
    )  # fmt: skip


def compile_project() -> None:
    """Compiles the project's modules that have changed, once for all servers that tests start."""
    run(
        [PYTHON, "-m", "compileall", "-q", ROOT / "src"],
        failure="The project does not compile",
        remedy="mend what is named above",
    )


def _write_state(state: State) -> None:
    temporary = _STATE.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(state), indent=2) + "\n")
    temporary.replace(_STATE)


def _version() -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip()


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One run at a time; the kernel lets the lock go with the process that held it."""
    try:
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "setup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another dev.sh is setting up here: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise CommandError(
            f"{error.filename} may not be written", f"check who owns {ROOT} (was it used as root?)"
        ) from error


def clean(everything: Sequence[Path]) -> None:
    """Removes files and folders that a later command makes again."""
    with _alone():
        for path in everything:
            if path.is_dir() and not path.is_symlink():
                say(f"Removing {path.relative_to(ROOT)}")
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def tool(name: str) -> Path:
    """Returns the path of a program of the environment."""
    return VENV / "bin" / name


def base_python() -> str:
    """Returns the Python that runs this, as a person would name it."""
    return f"{sys.executable} ({sys.version.split()[0]})"
