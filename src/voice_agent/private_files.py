"""Secrets on disk: made once, readable by their owner only, never half written."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voice_agent.core.errors import SettingsError

OWNER_ONLY = 0o600
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file's name
MIN_SECRET_LENGTH = 32


def secret_key(data_dir: Path, chosen: str | None = None) -> str:
    """Return `chosen`, else the secret of `data_dir`, which is made once and kept.

    Raises:
        SettingsError: The data directory cannot be used, or what is there is too short.
    """
    if chosen:
        return chosen
    path = data_dir / SECRET_KEY_FILE
    content = read_or_make(path, lambda: secrets.token_hex(MIN_SECRET_LENGTH).encode())
    secret = content.decode(errors="replace").strip()
    if len(secret) < MIN_SECRET_LENGTH:
        raise SettingsError(
            f"VOICE_AGENT_SECRET_KEY: '{path}' holds fewer than {MIN_SECRET_LENGTH} characters; "
            "remove it and a new one is made"
        )
    return secret


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what is in `path`, after putting there what `make` returns if it does not exist.

    Of several processes that do this at once, all return the same content.

    Raises:
        SettingsError: The data directory that it belongs to cannot be used.
    """
    with _explained(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        draft = _draft(path, make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_bytes()


def replace(path: Path, content: bytes) -> None:
    """Put `content` into `path`; whoever reads it sees the old or the new, never half of one.

    Raises:
        SettingsError: The data directory that it belongs to cannot be used.
    """
    with _explained(path):
        _draft(path, content).replace(path)


def _draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return draft


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"VOICE_AGENT_DATA_DIR: '{path}' cannot be used ({error.strerror or error}); "
            "name a directory that this user may write to"
        ) from error
