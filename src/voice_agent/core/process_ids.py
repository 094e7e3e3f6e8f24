"""Ids that name the process which made them, so that any other one can find it.

An id is the process's name, a dot, and a part that nobody can guess. Names have no dot. Where
several servers share their sessions, the name of a process says its server too: `p2-berlin`.
"""

import re
import secrets
from typing import Final

SEPARATOR: Final = "."
_OF_SERVER: Final = "-"
_RANDOM_BYTES: Final = 18
_SHORT: Final = 9
_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")


def process_name(index: int, server: str | None = None) -> str:
    """Return the name of a process.

    Args:
        index: Its number on its server, counted from 0.
        server: The server's name, where there are several.
    """
    return f"p{index}" if server is None else f"p{index}{_OF_SERVER}{server}"


FIRST_PROCESS: Final = process_name(0)
"""The only one, where there are not several."""


def new_id(process: str) -> str:
    """Return a new id, fit for a URL, that names `process`."""
    return f"{process}{SEPARATOR}{secrets.token_urlsafe(_RANDOM_BYTES)}"


def process_of(identifier: str) -> str | None:
    """Return the name of the process that made `identifier`, None when it names none."""
    name, separator, _ = identifier.partition(SEPARATOR)
    return name if separator and _NAME.fullmatch(name) else None


def server_of(process: str) -> str | None:
    """Return the name of the server that has the process of that name, None when it says none."""
    return process.partition(_OF_SERVER)[2] or None


def short_id(identifier: str) -> str:
    """Return the beginning of an id, long enough to tell it from others of the same process."""
    name, separator, random = identifier.partition(SEPARATOR)
    return f"{name}{separator}{random[:_SHORT]}"
