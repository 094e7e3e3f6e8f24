"""Ids that name the process which made them, so that any other one can find it.

An id is the process's name, a dot, and a part that nobody can guess. Names have no dot: with
several machines a name may say the machine too.
"""

import re
import secrets
from typing import Final

SEPARATOR: Final = "."
_RANDOM_BYTES: Final = 18
_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")


def process_name(index: int) -> str:
    """Return the name of the process with that number on this host, counted from 0."""
    return f"p{index}"


FIRST_PROCESS: Final = process_name(0)
"""The only one, where there are not several."""


def new_id(process: str) -> str:
    """Return a new id, fit for a URL, that names `process`."""
    return f"{process}{SEPARATOR}{secrets.token_urlsafe(_RANDOM_BYTES)}"


def process_of(identifier: str) -> str | None:
    """Return the name of the process that made `identifier`, None when it names none."""
    name, separator, _ = identifier.partition(SEPARATOR)
    return name if separator and _NAME.fullmatch(name) else None
