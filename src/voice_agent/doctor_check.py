"""What a check of the doctor comes to."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    """Calls work, but not all that was asked for."""
    FAILED = "failed"
    """Something would stop a call."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    mend: str = ""
