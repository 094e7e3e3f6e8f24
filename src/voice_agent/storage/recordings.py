"""Where recordings are kept: `<directory>/<session id>/<number>.ogg`, for their owner only."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from voice_agent.core.errors import RecordingNotFoundError
from voice_agent.core.recording import Recording, RecordingFacts

SUFFIX = ".ogg"
_SESSION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_OWNER_ONLY_FOLDER = 0o700
_OWNER_ONLY_FILE = 0o600


class RecordingFiles:
    """The recordings of all sessions. Its methods block: call them in a thread.

    Args:
        directory: Where they are; made when it is needed.
        facts: Reads what an open file says of itself.
    """

    def __init__(self, directory: Path, facts: Callable[[BinaryIO], RecordingFacts]) -> None:
        self._directory = directory
        self._facts = facts

    def create(self, session_id: str) -> tuple[int, BinaryIO]:
        """Make a session's next file; return its number and the file, unbuffered.

        Raises:
            OSError: It cannot be made.
            ValueError: The id is none that a session could have.
        """
        folder = self._folder(session_id)
        if folder is None:
            raise ValueError(f"'{session_id}' is no session's id")
        self._directory.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        folder.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
        number = max((number for number, _ in _files(folder)), default=0)
        while True:
            number += 1
            try:
                path = folder / f"{number}{SUFFIX}"
                file = open(path, "xb", buffering=0, opener=_private)  # noqa: SIM115
            except FileExistsError:
                continue
            return number, file

    def list(self, session_id: str) -> Sequence[Recording]:
        """Return a session's recordings, oldest first; one that still grows as it is now."""
        folder = self._folder(session_id)
        found = []
        for number, path in sorted(_files(folder)) if folder else ():
            try:
                with path.open("rb") as file:
                    facts = self._facts(file)
                status = path.stat()
            except FileNotFoundError:
                continue  # removed meanwhile
            began = facts.started_at
            found.append(
                Recording(
                    number=number,
                    started_at=status.st_mtime if began is None else began,
                    duration_s=facts.duration_s,
                    bytes=status.st_size,
                )
            )
        return found

    def path(self, session_id: str, number: int) -> Path:
        """Return where a recording is.

        Raises:
            RecordingNotFoundError: There is none with that number.
        """
        folder = self._folder(session_id)
        for known, path in _files(folder) if folder else ():
            if known == number:
                return path
        raise RecordingNotFoundError(f"session '{session_id}' has no recording {number}")

    def remove(self, session_id: str) -> None:
        """Remove a session's recordings, if it has any; also one that is being written.

        Raises:
            OSError: They cannot be removed.
        """
        folder = self._folder(session_id)
        if folder is not None and folder.exists():
            shutil.rmtree(folder)

    def _folder(self, session_id: str) -> Path | None:
        """Return where a session's recordings are, None for what is no session's id."""
        return self._directory / session_id if _SESSION_ID.fullmatch(session_id) else None


def _files(folder: Path) -> Sequence[tuple[int, Path]]:
    try:
        return [
            (int(path.stem), path)
            for path in folder.iterdir()
            if path.suffix == SUFFIX and _NUMBER.fullmatch(path.stem)
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, _OWNER_ONLY_FILE)
