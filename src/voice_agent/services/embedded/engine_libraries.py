"""Where the speech engines' libraries are: looks at files, loads nothing, imports next to nothing.

Used in our process to say whether an engine is there, and in the helper to load it. Looking is
cheaper and safer than loading: espeak-ng is GPL and must never be loaded into our process.
"""

import os
import sys
from typing import Final

FLITE_VOICES: Final = ("slt", "rms", "awb", "kal16")
"""Flite's 16 kHz voices; the first that is there is the default."""

_FOLDERS: Final = (
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/opt/homebrew/lib",
    "/opt/local/lib",
)
_PATH_VARIABLES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def find_library(name: str) -> str | None:
    """Return the path of the shared library `name` (without "lib" and suffix), None if absent."""
    if sys.platform == "darwin":
        files = [f"lib{name}.1.dylib", f"lib{name}.dylib"]
    else:
        files = [f"lib{name}.so.1", f"lib{name}.so"]
    for folder in _folders():
        for file in files:
            path = os.path.join(folder, file)  # noqa: PTH118 - pathlib costs the child 10 ms
            if os.path.exists(path):  # noqa: PTH110
                return path
    return None


def flite_voice_names() -> list[str]:
    """Return the flite voices that are installed, the default first."""
    if find_library("flite") is None:
        return []
    return [voice for voice in FLITE_VOICES if find_library(f"flite_cmu_us_{voice}")]


def _folders() -> list[str]:
    named = [
        folder
        for variable in _PATH_VARIABLES
        for folder in os.environ.get(variable, "").split(os.pathsep)
        if folder
    ]
    # Debian and its kin keep libraries in a folder named by the machine, such as
    # /usr/lib/x86_64-linux-gnu.
    machine = getattr(sys.implementation, "_multiarch", "")
    return [*named, *([f"/usr/lib/{machine}"] if machine else []), *_FOLDERS]
