"""What to measure, as it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from voice_agent.bench.load.servers import ServerName
from voice_agent.client.signalling import TransportName


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        servers: Which servers.
        transports: Over which transports.
        calls: With how many calls; none raises them until quality breaks.
        max_calls: With how many at most.
        seconds: For how long each number of calls is measured.
        floor: Whether to measure bare connections too.
        processes: With how many processes of our server to compare one; 1 for not.
        short_calls: After how many short calls to look at our server's memory; 0 for not.
        first_words: How many short calls tell what the first word takes; 0 for none.
        seed: For the callers' pauses.
    """

    servers: Sequence[ServerName] = (ServerName.PLAIN, ServerName.OURS)
    transports: Sequence[TransportName] = (TransportName.WEBSOCKET, TransportName.WEBRTC)
    calls: Sequence[int] = ()
    max_calls: int = 64
    seconds: float = 12.0
    floor: bool = True
    processes: int = 2
    short_calls: int = 500
    first_words: int = 5
    seed: int = 1

    @classmethod
    def of(
        cls,
        *,
        servers: str,
        transports: str,
        calls: str,
        max_calls: int,
        seconds: float,
        floor: bool,
        processes: int,
        short_calls: int,
        seed: int,
    ) -> "Options":
        """Return the options that are written with commas between the names and numbers.

        Raises:
            ValueError: A name or a number is none; the message says which would be right.
        """
        return cls(
            servers=_names(ServerName, servers, "server"),
            transports=_names(TransportName, transports, "transport"),
            calls=_numbers(calls),
            max_calls=max_calls,
            seconds=seconds,
            floor=floor,
            processes=processes,
            short_calls=short_calls,
            seed=seed,
        )


_Name = TypeVar("_Name", bound=StrEnum)


def _names(kind: type[_Name], written: str, what: str) -> tuple[_Name, ...]:
    names = [name.strip() for name in written.split(",") if name.strip()]
    known = [each.value for each in kind]
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} '{name}'; there is {' and '.join(known)}")
    if not names:
        raise ValueError(f"name a {what}: {' or '.join(known)}")
    return tuple(dict.fromkeys(kind(name) for name in names))


def _numbers(written: str) -> tuple[int, ...]:
    parts = [part.strip() for part in written.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"'{written}' is no list of numbers of calls; 1,4,8 is one")
    return tuple(int(part) for part in parts)
