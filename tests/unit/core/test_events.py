from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import pytest
from loguru import logger

from voice_agent.core.conversation import Speaker
from voice_agent.core.events import (
    HISTORY_LIMIT,
    Event,
    EventListener,
    EventStream,
    SentenceHeard,
    SpeakingStarted,
)


class FixedClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 5.0

    def wall(self) -> float:
        return 1_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What is logged as an error."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="ERROR", format="{message}")
    yield lines
    logger.remove(sink)


def stream(clock: FixedClock, *listeners: EventListener) -> EventStream:
    return EventStream("s1", clock, listeners)


def test_events_are_numbered_from_one_and_stamped_with_both_times(clock: FixedClock) -> None:
    events = stream(clock)
    first = events.emit(SpeakingStarted(Speaker.AGENT))
    clock.seconds = 6.0
    second = events.emit(SentenceHeard("Hello."))
    assert first == Event("s1", 1, 1_000_005.0, 5.0, SpeakingStarted(Speaker.AGENT))
    assert (second.number, second.wall_time, second.monotonic_time) == (2, 1_000_006.0, 6.0)


def test_an_event_cannot_be_changed(clock: FixedClock) -> None:
    event = stream(clock).emit(SentenceHeard("Hello."))
    with pytest.raises(FrozenInstanceError):
        event.number = 7  # type: ignore[misc]


def test_every_listener_gets_every_event_in_order(clock: FixedClock) -> None:
    first: list[Event] = []
    second: list[Event] = []
    events = stream(clock, first.append)
    events.emit(SentenceHeard("One."))
    events.listen(second.append)
    events.emit(SentenceHeard("Two."))
    assert [event.number for event in first] == [1, 2]
    assert [event.number for event in second] == [2]


def test_who_stops_listening_hears_no_more(clock: FixedClock) -> None:
    heard: list[Event] = []
    events = stream(clock)
    stop = events.listen(heard.append)
    events.emit(SentenceHeard("One."))
    stop()
    stop()
    events.emit(SentenceHeard("Two."))
    assert [event.number for event in heard] == [1]


def test_a_listener_may_stop_while_it_is_called(clock: FixedClock) -> None:
    heard: list[int] = []
    events = stream(clock)

    def once(event: Event) -> None:
        heard.append(event.number)
        stop()

    stop = events.listen(once)
    events.listen(lambda event: heard.append(-event.number))
    events.emit(SentenceHeard("One."))
    events.emit(SentenceHeard("Two."))
    assert heard == [1, -1, -2]


def test_a_listener_that_fails_harms_neither_the_others_nor_the_emitter(
    clock: FixedClock, errors: list[str]
) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise LookupError("no such thing")

    events = stream(clock, broken, heard.append)
    events.emit(SentenceHeard("One."))
    events.emit(SentenceHeard("Two."))
    assert [event.number for event in heard] == [1, 2]
    assert len(errors) == 2
    assert "SentenceHeard" in errors[0]
    assert "no such thing" in errors[0]


def test_the_history_keeps_the_last_events(clock: FixedClock) -> None:
    events = stream(clock)
    for number in range(HISTORY_LIMIT + 5):
        events.emit(SentenceHeard(str(number)))
    numbers = [event.number for event in events.history]
    assert (len(numbers), numbers[0], numbers[-1]) == (HISTORY_LIMIT, 6, HISTORY_LIMIT + 5)
