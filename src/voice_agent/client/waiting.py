"""The events of a call, and waiting for what happens in it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import TypeVar

from voice_agent.client.errors import CallDroppedError, CallTimeoutError
from voice_agent.client.events import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    CallEvent,
    ConnectionLost,
    Disconnected,
    Reconnected,
    Transcript,
)
from voice_agent.client.speech import PACKET_S

T = TypeVar("T")
EventT = TypeVar("EventT", bound=CallEvent)


class CallEvents:
    """What has happened in a call so far, and what waits for more.

    Args:
        clock: Monotonic seconds.

    Attributes:
        log: All events so far.
        bot_is_speaking: Whether the server says that the bot is sending speech.
        is_lost: Whether the connection is lost and the client tries to come back.
        back_since: When the client last came back, in monotonic seconds; minus infinity before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: Disconnected | None = None
        self._waiters: list[Callable[[], None]] = []
        self.log: list[CallEvent] = []
        self.bot_is_speaking = False
        self.is_lost = False
        self.back_since = -math.inf

    @property
    def ended(self) -> Disconnected | None:
        """How the call ended, None while it goes on."""
        return self._ended

    @property
    def transcript(self) -> list[Transcript]:
        """What was said so far, by both sides, interim recognitions left out."""
        return [event for event in self.log if isinstance(event, Transcript) and event.final]

    @property
    def horizon(self) -> float:
        """Up to when all that was heard is known: now, or for ever once the call is over."""
        return math.inf if self._ended else self._clock()

    def tell(self, event: CallEvent) -> bool:
        """Adds an event and wakes those who wait.

        Returns:
            Whether it was added: after the end nothing is.
        """
        if self._ended is not None:
            return False
        self.log.append(event)
        if isinstance(event, Disconnected):
            self._ended = event
        if isinstance(event, BotStartedSpeaking):
            self.bot_is_speaking = True
        elif isinstance(event, BotStoppedSpeaking | ConnectionLost | Disconnected):
            self.bot_is_speaking = False
        if isinstance(event, ConnectionLost):
            self.is_lost = True
        elif isinstance(event, Reconnected):
            self.is_lost = False
            self.back_since = event.at
        elif isinstance(event, Disconnected):
            self.is_lost = False
        for ask in tuple(self._waiters):
            ask()
        return True

    def dropped(self) -> CallDroppedError:
        """Returns the error that says how the call ended."""
        if self._ended is None:
            return CallDroppedError("the call goes on")
        return CallDroppedError(self._ended.reason, self._ended.close_code)

    async def until(
        self, condition: Callable[[], T | None], timeout_s: float | None, what: str
    ) -> T:
        """Waits for a condition, asked at each event and each 20 ms.

        Args:
            condition: Gives None while it is not met.
            timeout_s: In seconds, those not counted in which the connection is lost; None for as
                long as the call lasts.
            what: What is waited for, for the message of the error.

        Returns:
            What the condition gives when it is met.

        Raises:
            CallDroppedError: The call ended and it is not met.
            CallTimeoutError: It was not met in time.
        """
        loop = asyncio.get_running_loop()
        met: asyncio.Future[T] = loop.create_future()

        def ask() -> None:
            if met.done():
                return
            try:
                value = condition()
            except Exception as error:  # noqa: BLE001 # it belongs to whoever asked
                met.set_exception(error)
                return
            if value is not None:
                met.set_result(value)
            elif self._ended is not None:
                met.set_exception(self.dropped())

        self._waiters.append(ask)
        ask()
        try:
            async with asyncio.timeout(timeout_s) as limit:
                while not met.done():
                    began = loop.time()
                    await asyncio.wait((met,), timeout=PACKET_S)
                    ask()
                    if self.is_lost and (when := limit.when()) is not None:
                        limit.reschedule(when + loop.time() - began)
                return met.result()
        except TimeoutError as error:
            raise CallTimeoutError(f"{what} did not happen within {timeout_s:g} s") from error
        finally:
            self._waiters.remove(ask)

    async def wait_for(
        self,
        kind: type[EventT],
        timeout_s: float,
        *,
        after: float | None = None,
        where: Callable[[EventT], bool] = lambda _: True,
    ) -> EventT:
        """Waits for an event.

        Args:
            kind: Its type.
            timeout_s: In seconds.
            after: Only events from that monotonic time on count; None for from now on, 0 for all.
            where: What must hold of it.

        Returns:
            The first such event.

        Raises:
            CallDroppedError: The call ended first.
            CallTimeoutError: It did not come in time.
        """
        start = self._clock() if after is None else after

        def found() -> EventT | None:
            for event in self.log:
                if event.at >= start and isinstance(event, kind) and where(event):
                    return event
            return None

        return await self.until(found, timeout_s, kind.__name__)

    async def events(self) -> AsyncIterator[CallEvent]:
        """Gives all events from the first on, as they come; ends with the call."""
        for position in count():
            if self._ended is not None and position >= len(self.log):
                return

            def due(position: int = position) -> CallEvent | None:
                return self.log[position] if len(self.log) > position else None

            yield await self.until(due, None, "an event")
