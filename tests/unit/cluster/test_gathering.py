"""What one process asks of all others, and counters that outlive a process."""

import asyncio

import pytest

from voice_agent.cluster import gathering as gathering_module
from voice_agent.cluster.gathering import Gathering, KeptCounters
from voice_agent.cluster.messages import Answer, Message, Question
from voice_agent.core.neighbours import Question as Subject
from voice_agent.observability.metric_totals import (
    Families,
    add_up,
    counter,
    from_json,
    gauge,
    to_json,
)


def counted(value: float) -> Families:
    return (counter("calls", "", value), gauge("open", "", value))


def total(*of_each: Families) -> float:
    [calls] = [family for family in add_up(of_each) if family.name == "calls"]
    return calls.samples[0].value


def test_a_counter_never_goes_back_whatever_happens_to_its_process() -> None:
    kept, seen = KeptCounters(), []

    def scrape(**now: float) -> None:
        """Ask all; those that are not named do not answer."""
        for name, value in now.items():
            kept.told(name, counted(value))
        answers = [counted(value) for value in now.values()]
        seen.append(total(*answers, kept.beside(list(now))))

    scrape(p0=5, p1=7)
    scrape(p0=6)  # p1 is stuck
    scrape(p0=6, p1=9)
    kept.gone("p1")
    scrape(p0=7)  # p1 is gone
    scrape(p0=7, p1=0)  # and there again
    scrape(p0=7, p1=2)
    kept.gone("p1")
    kept.gone("p1")  # died before it said anything
    scrape(p0=8)
    assert seen == [12, 13, 15, 16, 16, 18, 19]


def test_sizes_of_a_process_that_is_gone_are_gone() -> None:
    kept = KeptCounters()
    kept.told("p1", counted(3))
    kept.gone("p1")
    assert [family.name for family in kept.beside([])] == ["calls"]


class Process:
    """Answers when it is told to."""

    def __init__(self, name: str, gathering: Gathering, answer: object = None) -> None:
        self._name = name
        self._gathering = gathering
        self._answer = answer

    def send(self, message: Message) -> None:
        assert isinstance(message, Question)
        if self._answer is not None:
            self._gathering.answered(self._name, Answer(message.number, self._answer))


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> Gathering:
    monkeypatch.setattr(gathering_module, "ANSWER_TIMEOUT_S", 0.1)
    return Gathering(lambda: (counter("restarts", "", 1),))


async def test_all_who_answer_are_heard(gathering: Gathering) -> None:
    others = {name: Process(name, gathering, [name]) for name in ("p1", "p2")}
    assert await gathering.gather(Subject.POOL, "p0", ["p0"], others) == ((["p1"], ["p2"]), 3)


async def test_who_does_not_answer_is_left_out_in_time(gathering: Gathering) -> None:
    others = {"p1": Process("p1", gathering, []), "p2": Process("p2", gathering)}
    async with asyncio.timeout(5):
        assert await gathering.gather(Subject.POOL, "p0", [], others) == (([],), 2)


async def test_nobody_waits_for_a_process_that_dies_meanwhile(gathering: Gathering) -> None:
    dying = asyncio.ensure_future(
        gathering.gather(Subject.POOL, "p0", [], {"p1": Process("p1", gathering)})
    )
    await asyncio.sleep(0)
    gathering.gone("p1")
    assert await dying == ((), 1)


async def test_an_answer_counts_once_and_from_who_was_asked(gathering: Gathering) -> None:
    gathering.answered("p1", Answer(99, []))
    alone = await gathering.gather(Subject.POOL, "p0", [], {})
    assert alone == ((), 1)


async def test_metrics_of_the_departed_come_along(gathering: Gathering) -> None:
    said = to_json(counted(4))
    others = {"p1": Process("p1", gathering, to_json(counted(5)))}
    await gathering.gather(Subject.METRICS, "p0", said, others)
    gathering.gone("p1")
    answers, answered = await gathering.gather(Subject.METRICS, "p0", said, {})
    assert answered == 1
    assert total(*map(from_json, (said, *answers))) == 9
    assert any(family.name == "restarts" for each in answers for family in from_json(each))
