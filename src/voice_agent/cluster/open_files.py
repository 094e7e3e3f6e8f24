"""How many files and sockets a process may have open."""

import resource
from typing import Final

ENOUGH: Final = 65_536


def allow_open_files(count: int = ENOUGH) -> int:
    """Allow this process and those that it starts `count` open files; return how many it got.

    Shells and service managers often start programs with 1,024, which as many silent connections
    use up, though they may have more when they ask.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return soft
