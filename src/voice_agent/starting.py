"""What every process that takes calls does first, and what its operator reads first."""

import os
from collections.abc import Sequence
from importlib import metadata

from voice_agent.config import Settings, is_loopback

ONE_THREAD = "1"
"""How many threads NumPy multiplies in. smart-turn's features are matrices so small that threads
only wait for each other: on two busy cores they took 19 ms of CPU at every pause instead of 4
(measured by themselves; with calls, side by side, the difference was within the noise)."""


def multiply_in_one_thread() -> None:
    """Say so to NumPy, which reads it when it is imported, unless the operator said otherwise."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", ONE_THREAD)


def providers_of(settings: Settings) -> str:
    """Return which provider each stage has.

    Raises:
        SettingsError: The profile is unknown.
    """
    from voice_agent.services.provider import Stage  # noqa: PLC0415 - logs when it is imported

    return ", ".join(f"{stage.value} {settings.provider(stage)[0]}" for stage in Stage)


def first_words(settings: Settings, what: str) -> Sequence[str]:
    """Return the lines that say what starts: version, profile and `what`, and who may use it."""
    version = metadata.version("voice-agent-backend")
    lines = [f"Voice Agent Backend {version}, profile {settings.profile}: {what}"]
    if settings.auth == "off" and not is_loopback(settings.host):
        lines.append(f"Anyone who can reach {settings.host} may talk to it: authentication is off")
    return lines
