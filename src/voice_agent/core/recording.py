"""What is known of a recording. The audio itself is a file's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RecordingFacts:
    """What a file says of itself; `started_at` in seconds of wall time, None when it does not."""

    started_at: float | None
    duration_s: float


@dataclass(frozen=True)
class Recording:
    """One recording of a session: of one leg. Numbers count from 1 in each session."""

    number: int
    started_at: float
    """Seconds of wall time."""
    duration_s: float
    bytes: int
    """How large its file is, as yet."""
