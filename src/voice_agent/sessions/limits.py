"""How long a session may last and be idle."""

import asyncio
from collections.abc import Callable

from voice_agent.core.agent import Limits
from voice_agent.core.clock import Clock
from voice_agent.core.events import (
    EventPayload,
    SentenceHeard,
    SpeakingStarted,
    TranscriptReceived,
    UserTurnEnded,
)
from voice_agent.sessions.leg import LegEnd

ACTIVITY = (SpeakingStarted, TranscriptReceived, UserTurnEnded, SentenceHeard)
"""Events that show that a session is not idle."""


class Deadline:
    """One timer that can be set anew or cleared."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Call in `seconds`, instead of what was set before."""
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(max(0.0, seconds), self._call)

    def clear(self) -> None:
        """Do not call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class LegLimits:
    """Watches one leg after the other; calls `stop` with the reason when a limit is reached."""

    def __init__(self, limits: Limits, clock: Clock, stop: Callable[[LegEnd], None]) -> None:
        self._limits = limits
        self._clock = clock
        self._last_activity = clock.monotonic()
        self._stop = stop
        self._idle = Deadline(self._check_idle)
        self._longest = Deadline(lambda: stop(LegEnd.MAX_DURATION))

    def start(self, used_s: float) -> None:
        """The client is there; the session has lasted `used_s` seconds already."""
        self._last_activity = self._clock.monotonic()
        self._idle.set(self._limits.idle_timeout_s)
        self._longest.set(self._limits.max_duration_s - used_s)

    def note(self, payload: EventPayload) -> None:
        """Take in what happened."""
        if isinstance(payload, ACTIVITY):
            self._last_activity = self._clock.monotonic()

    def clear(self) -> None:
        """The leg is over."""
        self._idle.clear()
        self._longest.clear()

    def _check_idle(self) -> None:
        left = self._limits.idle_timeout_s - (self._clock.monotonic() - self._last_activity)
        if left <= 0:
            self._stop(LegEnd.IDLE)
        else:
            self._idle.set(left)
