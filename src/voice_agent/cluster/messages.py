"""What the supervisor and a process tell each other, and its form on the control channel. Pure."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from voice_agent.cluster.placement import Load


@dataclass(frozen=True)
class Failed:
    """A process cannot start: something in the settings stands in the way."""

    message: str


@dataclass(frozen=True)
class Report:
    """What a process has now, and which of the requests that it was given are in that."""

    sessions: int
    peers: int
    quota: int
    is_ready: bool
    settled: tuple[int, ...] = ()

    @property
    def load(self) -> Load:
        """What it has now."""
        return Load(self.sessions, self.peers, self.quota, self.is_ready)


@dataclass(frozen=True)
class Asked:
    """A process wants to know of all others; `own` is what it would answer itself."""

    number: int
    question: str
    own: Any


@dataclass(frozen=True)
class Answered:
    """What all the others said, and how many processes did and should."""

    number: int
    answers: tuple[Any, ...]
    answered: int
    wanted: int


@dataclass(frozen=True)
class Question:
    """The supervisor wants to know, for another process."""

    number: int
    question: str


@dataclass(frozen=True)
class Answer:
    """What a process says to a question."""

    number: int
    answer: Any


@dataclass(frozen=True)
class Stop:
    """End all calls, then the process; `at_once` does not wait for what is still open."""

    at_once: bool = False


Message = Failed | Report | Asked | Answered | Question | Answer | Stop
_KINDS: Final = {
    kind.__name__: kind for kind in (Failed, Report, Asked, Answered, Question, Answer, Stop)
}


def encode(message: Message) -> bytes:
    """Return `message` as bytes."""
    return json.dumps([type(message).__name__, asdict(message)]).encode()


def decode(content: bytes) -> Message:
    """Return the message that `encode` was given.

    Raises:
        ValueError, KeyError, TypeError: It was given something else.
    """
    kind, values = json.loads(content)
    lists = {name: tuple(value) for name, value in values.items() if name in ("settled", "answers")}
    message: Message = _KINDS[kind](**values | lists)
    return message
