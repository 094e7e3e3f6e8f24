"""Where the built page is."""

from pathlib import Path


def console_directory() -> Path:
    """Return where the build of the page goes, and the wheel carries it; it may not exist."""
    return Path(__file__).parent / "console"
