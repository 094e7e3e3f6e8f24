"""Waiting for what happens in a call."""

import asyncio

import pytest

from voice_agent.client.errors import CallDroppedError, CallTimeoutError
from voice_agent.client.events import (
    BotStartedSpeaking,
    BotStoppedSpeaking,
    ConnectionLost,
    Disconnected,
    Reconnected,
    Speaker,
    Transcript,
    UserStartedSpeaking,
)
from voice_agent.client.waiting import CallEvents


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def call(clock: Hand) -> CallEvents:
    return CallEvents(clock)


async def test_an_event_wakes_who_waits_for_it(call: CallEvents) -> None:
    waiting = asyncio.create_task(call.wait_for(BotStartedSpeaking, 5.0))
    await asyncio.sleep(0)
    call.tell(UserStartedSpeaking(101.0))
    call.tell(BotStartedSpeaking(102.0))

    assert await waiting == BotStartedSpeaking(102.0)


async def test_only_events_from_now_on_count_unless_asked_otherwise(call: CallEvents) -> None:
    call.tell(BotStartedSpeaking(99.0))

    assert await call.wait_for(BotStartedSpeaking, 0.05, after=0) == BotStartedSpeaking(99.0)
    with pytest.raises(CallTimeoutError, match=r"BotStartedSpeaking did not happen within 0.05 s"):
        await call.wait_for(BotStartedSpeaking, 0.05)


async def test_an_event_can_be_described(call: CallEvents) -> None:
    call.tell(Transcript(100.0, Speaker.BOT, "hello"))
    call.tell(Transcript(101.0, Speaker.USER, "hours"))

    line = await call.wait_for(Transcript, 1.0, where=lambda t: t.speaker is Speaker.USER)

    assert line.text == "hours"


async def test_a_condition_is_asked_again_as_time_passes(call: CallEvents, clock: Hand) -> None:
    asked = 0

    def later() -> float | None:
        nonlocal asked
        asked += 1
        clock.now += 0.02
        return clock.now if clock.now > 100.09 else None

    assert await call.until(later, 5.0, "later") == pytest.approx(100.1)
    assert asked == 5


async def test_a_condition_that_fails_fails_who_asked(call: CallEvents) -> None:
    def broken() -> int | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await call.until(broken, 1.0, "nothing")


async def test_the_end_of_the_call_ends_the_waiting(call: CallEvents) -> None:
    waiting = asyncio.create_task(call.wait_for(BotStartedSpeaking, 5.0))
    await asyncio.sleep(0)
    call.tell(Disconnected(101.0, "gone", close_code=1011))

    with pytest.raises(CallDroppedError, match="gone") as caught:
        await waiting
    assert caught.value.close_code == 1011


async def test_what_is_known_stays_known_after_the_end(call: CallEvents) -> None:
    call.tell(BotStartedSpeaking(100.0))
    call.tell(Disconnected(101.0, "gone"))

    assert call.horizon == float("inf")
    assert not call.bot_is_speaking
    assert await call.wait_for(BotStartedSpeaking, 1.0, after=0) == BotStartedSpeaking(100.0)
    assert not call.tell(BotStoppedSpeaking(102.0)), "nothing comes after the end"


async def test_events_come_one_by_one_up_to_the_last(call: CallEvents) -> None:
    call.tell(BotStartedSpeaking(100.0))

    async def collect() -> list[object]:
        return [event async for event in call.events()]

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)
    call.tell(BotStoppedSpeaking(101.0))
    call.tell(Disconnected(102.0, "gone"))

    assert await collecting == call.log
    assert [type(event) for event in call.log] == [
        BotStartedSpeaking,
        BotStoppedSpeaking,
        Disconnected,
    ]


async def test_interim_recognitions_are_not_in_the_transcript(call: CallEvents) -> None:
    call.tell(Transcript(100.0, Speaker.USER, "what", final=False))
    call.tell(Transcript(100.2, Speaker.USER, "what hours"))

    assert [line.text for line in call.transcript] == ["what hours"]


@pytest.mark.virtual_time
async def test_the_time_in_which_the_connection_is_lost_does_not_count() -> None:
    loop = asyncio.get_running_loop()
    call = CallEvents(loop.time)
    waiting = loop.create_task(call.wait_for(BotStoppedSpeaking, 5.0))
    await asyncio.sleep(3)
    call.tell(BotStartedSpeaking(loop.time()))
    call.tell(ConnectionLost(loop.time(), "gone"))
    assert call.is_lost
    assert not call.bot_is_speaking, "nobody can tell that it stops"
    await asyncio.sleep(30)
    call.tell(Reconnected(loop.time(), 30.0, "websocket"))
    assert (call.is_lost, call.back_since) == (False, loop.time())
    await asyncio.sleep(1)
    assert not waiting.done()
    with pytest.raises(CallTimeoutError):
        await waiting
