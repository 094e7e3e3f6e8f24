"""Keeps memory that was freed from being lost between threads.

glibc gives each thread an arena of its own, up to eight for each core, and memory freed in one is
of no use in the others. A call's codecs and models run in changing threads: a process grew from
297 to 429 MB over 256 WebRTC calls, with two arenas it stayed at 326 MB (measured).
"""

import ctypes
import sys

ARENAS = 2
_M_ARENA_MAX = -8  # malloc.h of glibc


def limit_malloc_arenas() -> bool:
    """Let the threads of this process share `ARENAS` arenas; return whether that could be done.

    It does nothing where the C library knows no arenas: outside Linux, and with musl. To be called
    before there are many threads.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, ARENAS))
