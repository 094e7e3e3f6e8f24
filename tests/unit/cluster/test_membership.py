"""A process and its supervisor, over a real control channel."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from voice_agent.cluster import membership as membership_module
from voice_agent.cluster.channel import Channel, read_briefing
from voice_agent.cluster.membership import Membership
from voice_agent.cluster.messages import (
    Answer,
    Answered,
    Asked,
    Failed,
    Message,
    Question,
    Report,
    Stop,
)
from voice_agent.cluster.placement import Load
from voice_agent.core.events import Event, SessionStateChanged
from voice_agent.core.neighbours import Gathered
from voice_agent.core.neighbours import Question as Subject
from voice_agent.core.session import SessionState

PATIENCE_S = 5.0


class Pair:
    """A member, and the supervisor's end of its channel."""

    def __init__(self, supervisor: Channel, own: Channel) -> None:
        self.supervisor = supervisor
        self.stops: list[bool] = []
        self.membership = Membership(own, wanted=2, stop=self.stops.append)
        self.listening = asyncio.create_task(self.membership.listen())
        self.load = Load(0, 0, 5, is_ready=True)
        self._messages = supervisor.messages()

    def join(self) -> None:
        """Begin to report."""

        async def answer(subject: Subject) -> Any:
            return [subject.value]

        self.membership.join(lambda: self.load, answer)

    async def heard(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the next message of the member that is wanted."""
        async with asyncio.timeout(PATIENCE_S):
            async for message in self._messages:
                if wanted(message):
                    return message
        raise AssertionError("the channel ended")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    ours, theirs = socket.socketpair()
    pair = Pair(await Channel.over(ours), await Channel.over(theirs))
    yield pair
    await pair.membership.close()
    pair.supervisor.close()
    await pair.listening


def is_report(**said: object) -> Callable[[Message], bool]:
    return lambda message: (
        isinstance(message, Report)
        and all(getattr(message, name) == value for name, value in said.items())
    )


async def test_a_briefing_comes_before_all_messages() -> None:
    ours, theirs = socket.socketpair()
    channel = await Channel.over(ours)
    channel.brief(b"x" * 100_000)
    channel.send(Stop())
    assert await asyncio.to_thread(read_briefing, theirs) == b"x" * 100_000
    own = await Channel.over(theirs)
    assert await anext(own.messages()) == Stop()
    own.close()
    channel.close()


def test_without_a_supervisor_there_is_no_briefing() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with pytest.raises(EOFError), theirs:
        read_briefing(theirs)


async def test_load_is_told_at_once_when_it_changes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership_module, "REPORT_AT_LEAST_EVERY_S", 1000.0)
    pair.join()
    await pair.heard(is_report(sessions=0, quota=5, is_ready=True))
    pair.load = Load(1, 1, 5, is_ready=True)
    pair.membership.note(Event("p0.a", 1, 0.0, 0.0, SessionStateChanged(SessionState.CREATED)))
    await pair.heard(is_report(sessions=1, peers=1))
    pair.membership.settled(7)
    pair.membership.settled(8)
    await pair.heard(is_report(settled=(7, 8)))


async def test_load_is_told_also_when_nothing_happens(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership_module, "REPORT_AT_LEAST_EVERY_S", 0.01)
    pair.join()
    for _ in range(3):
        await pair.heard(is_report(settled=()))


async def test_it_answers(pair: Pair) -> None:
    pair.join()
    pair.supervisor.send(Question(3, "pool"))
    assert await pair.heard(lambda message: isinstance(message, Answer)) == Answer(3, ["pool"])


async def test_it_asks(pair: Pair) -> None:
    asking = asyncio.ensure_future(pair.membership.ask(Subject.POOL, ["own"]))
    asked = await pair.heard(lambda message: isinstance(message, Asked))
    assert isinstance(asked, Asked)
    assert (asked.question, asked.own) == ("pool", ["own"])
    pair.supervisor.send(Answered(asked.number + 1, (), 9, 9))
    pair.supervisor.send(Answered(asked.number, (["other"],), 2, 2))
    assert await asking == Gathered((["other"],), 2, 2)


async def test_it_does_not_wait_for_ever(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership_module, "_ASK_TIMEOUT_S", 0.05)
    assert await pair.membership.ask(Subject.POOL, []) == Gathered((), 1, 2)


async def test_it_is_told_to_stop(pair: Pair) -> None:
    pair.supervisor.send(Stop())
    pair.supervisor.send(Stop(at_once=True))
    pair.supervisor.close()
    async with asyncio.timeout(PATIENCE_S):
        await pair.listening
    assert pair.stops == [False, True]


async def test_it_says_why_it_cannot_start(pair: Pair) -> None:
    await pair.membership.failed("VOICE_AGENT_PORT: taken")
    message = await pair.heard(lambda message: isinstance(message, Failed))
    assert message == Failed("VOICE_AGENT_PORT: taken")
