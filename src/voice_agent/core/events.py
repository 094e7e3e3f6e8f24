"""One event model: what happens in a session, typed, frozen and numbered.

What emits knows none of its listeners. A listener is called in the emitter's own step, so it must
be quick and must not raise; whoever has more to do puts the event into a queue of its own.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from loguru import logger

from voice_agent.core.clock import Clock
from voice_agent.core.conversation import Speaker
from voice_agent.core.session import EndReason, SessionState

_WORD_BEGIN = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True)
class SessionStateChanged:
    """The session went into `state`; `reason` is set when it ended."""

    state: SessionState
    reason: EndReason | None = None


@dataclass(frozen=True)
class TransportsPlanned:
    """What the client was told to try, in order, each with the reason at the same place."""

    transports: Sequence[str]
    reasons: Sequence[str]


@dataclass(frozen=True)
class TransportSwitched:
    """The next leg is carried by another transport than planned, or than the leg before.

    `reason` is `fallback` when the first one of the plan did not get through, else how the leg
    before ended.
    """

    was: str
    now: str
    reason: str


@dataclass(frozen=True)
class LegStarted:
    """A connection carries the session from now on; a pipeline runs once the lease is there.

    `transport` is the kind of the connection.
    """

    leg_id: str
    transport: str


@dataclass(frozen=True)
class ClientConnected:
    """The client is there and the leg hears and speaks; a session's limits count from here."""


@dataclass(frozen=True)
class LegEnded:
    """The leg is over and its connection closed; `reason` says why."""

    leg_id: str
    reason: str


@dataclass(frozen=True)
class SpeakingStarted:
    """The user's turn began, or the agent began to sound."""

    speaker: Speaker


@dataclass(frozen=True)
class SpeakingStopped:
    """The user's turn was judged over, or the agent fell silent."""

    speaker: Speaker


@dataclass(frozen=True)
class TranscriptReceived:
    """Words of the user as the recogniser hears them; `final` ones do not change any more."""

    text: str
    final: bool


@dataclass(frozen=True)
class UserTurnEnded:
    """The user finished a turn, spoken or typed.

    A spoken turn in which nothing was understood has no such event.
    """

    text: str
    typed: bool = False


@dataclass(frozen=True)
class AnswerWritten:
    """All that the agent is about to say in this turn; what is heard of it comes as sentences.

    `prompted` when no language model wrote it: an opening, or words from outside.
    """

    text: str
    prompted: bool = False


@dataclass(frozen=True)
class SentenceHeard:
    """A sentence of the agent was played to its end, or sent as text to who wanted no audio."""

    text: str


@dataclass(frozen=True)
class AgentTurnEnded:
    """The agent finished a turn, or was cut off: by the user, unless the connection was `lost`."""

    interrupted: bool
    lost: bool = False


@dataclass(frozen=True)
class LatencyMeasured:
    """How long the user waited, in seconds, from the end of his speech to the agent's first audio.

    The parts add up to `total_s`: until the turn was judged over and transcribed, until the
    language model's first words, until the first audio. `turn_s` is made of `verdict_s`, until it
    was known that the turn is over, and `stt_s`, the further wait for its words (none when they
    came first). `tts_s` is made of `synthesis_s`, until the voice had made the first audio, and
    `output_s`, until that was sent; both are None for a voice that does not tell.
    """

    total_s: float
    turn_s: float
    llm_s: float
    tts_s: float
    verdict_s: float | None = None
    stt_s: float | None = None
    synthesis_s: float | None = None
    output_s: float | None = None


@dataclass(frozen=True)
class ProviderFailed:
    """A part of the pipeline reported an error; a `permanent` one ends the leg.

    `provider` is the name of Pipecat's processor, or "pipeline" where it names none; `stage` is
    `stt`, `llm` or `tts` when it is one of these.
    """

    provider: str
    message: str
    permanent: bool
    stage: str | None = None


@dataclass(frozen=True)
class RecordingStarted:
    """The leg is recorded from its first audio on, into the session's `number`th file."""

    number: int


@dataclass(frozen=True)
class RecordingEnded:
    """The leg is no longer recorded: it is over, or the file could not be written any more."""

    number: int
    duration_s: float


@dataclass(frozen=True)
class ErrorOccurred:
    """A leg was refused or failed for another reason; `code` is the error's."""

    code: str
    message: str


EventPayload = (
    SessionStateChanged
    | TransportsPlanned
    | TransportSwitched
    | LegStarted
    | ClientConnected
    | LegEnded
    | SpeakingStarted
    | SpeakingStopped
    | TranscriptReceived
    | UserTurnEnded
    | AnswerWritten
    | SentenceHeard
    | AgentTurnEnded
    | LatencyMeasured
    | ProviderFailed
    | RecordingStarted
    | RecordingEnded
    | ErrorOccurred
)

EventSink = Callable[[EventPayload], None]
"""What a lower room calls to say that something happened."""


@dataclass(frozen=True)
class Event:
    """One thing that happened: numbered from 1 in its session, with both times in seconds."""

    session_id: str
    number: int
    wall_time: float
    monotonic_time: float
    payload: EventPayload

    @property
    def type(self) -> str:
        """What happened, as the wire calls it: `session_state_changed`, for example."""
        return event_type(type(self.payload))

    @property
    def data(self) -> dict[str, Any]:
        """The payload as plain values."""
        return {each.name: getattr(self.payload, each.name) for each in fields(self.payload)}


_types: dict[type, str] = {}


def event_type(payload: type) -> str:
    """Return what the wire calls events with such a payload."""
    known = _types.get(payload)
    if known is None:
        known = _types[payload] = _wire_name(payload)
    return known


def _wire_name(payload: type) -> str:
    return _WORD_BEGIN.sub("_", payload.__name__).lower()


EventListener = Callable[[Event], None]

HISTORY_LIMIT = 1000
"""How many events a session keeps for who comes later."""


class EventStream:
    """The events of one session; `last_number` is that of an owner before this one."""

    def __init__(
        self,
        session_id: str,
        clock: Clock,
        listeners: Iterable[EventListener],
        last_number: int = 0,
    ) -> None:
        self._session_id = session_id
        self._clock = clock
        self._listeners = list(listeners)
        self._on_gone: list[Callable[[], None]] = []
        self._history: deque[Event] = deque(maxlen=HISTORY_LIMIT)
        self._number = last_number

    @property
    def history(self) -> Sequence[Event]:
        """The last events, oldest first, at most `HISTORY_LIMIT`."""
        return tuple(self._history)

    def listen(
        self, listener: EventListener, on_gone: Callable[[], None] | None = None
    ) -> Callable[[], None]:
        """Call `listener` with every further event; return what stops that.

        `on_gone` is called when there will be no further one here. This is for who follows one
        running session and comes and goes meanwhile, as a live subscription does; who listens to
        all of them is given when the stream is made.
        """
        self._listeners.append(listener)

        if on_gone is not None:
            self._on_gone.append(on_gone)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if on_gone in self._on_gone:
                self._on_gone.remove(on_gone)

        return stop

    def close(self) -> None:
        """Say that there will be no further event here: the session is over, or elsewhere."""
        gone, self._on_gone = self._on_gone, []
        for tell in gone:
            tell()

    def emit(self, payload: EventPayload) -> Event:
        """Number `payload`, tell every listener, and return the event."""
        self._number += 1
        event = Event(
            self._session_id,
            self._number,
            self._clock.wall(),
            self._clock.monotonic(),
            payload,
        )
        self._history.append(event)
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - one listener's fault is not the call's
                logger.exception("an event listener failed on {}", type(payload).__name__)
        return event
