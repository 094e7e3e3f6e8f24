"""The long figures, each measured as its command does it and held to its target.

`./scripts/dev.sh soak` runs all, `./scripts/dev.sh soak -k barge` one. A busy machine misses them.
"""

from collections.abc import Iterator

import pytest

from voice_agent.bench import reports
from voice_agent.bench.__main__ import bench_server
from voice_agent.bench.answers import BOTH, Caller, ask_questions
from voice_agent.bench.callers import FLITE_VOICES, QUESTIONS
from voice_agent.bench.churn import churn
from voice_agent.bench.crowd import call_together
from voice_agent.bench.idle_connections import connect_and_say_nothing, connect_and_stay_silent
from voice_agent.bench.interruptions import interrupt
from voice_agent.testing.running_server import RunningServer

pytestmark = pytest.mark.soak

CALLS = 200
IDLE = 1000
CROWD = 10
INTERRUPTIONS = 20
ROUNDS = 3
BARGE_IN_S = 0.35
MEDIAN_S, P95_S = 0.7, 1.5
HELD_S = 0.010
GROWTH = 1.05
"""The memory after all calls, to that after half of them."""


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """A server of its own for each figure."""
    with bench_server(RESUME_WINDOW="2", MAX_SESSIONS=str(IDLE + 100)) as running:
        yield running


async def test_two_hundred_calls_leave_nothing_behind(server: RunningServer) -> None:
    result = await churn(server, calls=CALLS, count_at=(16, CALLS // 2), progress=print)
    print(f"\n{reports.churn_table(result)}")
    warm, half, end = (result.counts[number] for number in (16, CALLS // 2, CALLS))
    assert not result.failures
    assert result.rude == CALLS // 2
    assert len(end.tasks) <= len(result.counts[0].tasks)
    assert len(end.children) <= len(result.counts[0].children)
    assert end.native_threads <= warm.native_threads
    assert end.open_files <= result.counts[0].open_files
    assert end.resident_bytes <= half.resident_bytes * GROWTH


async def test_a_thousand_connections_that_never_speak_cost_no_recogniser(
    server: RunningServer,
) -> None:
    results = {"connections that send nothing": await connect_and_say_nothing(server, IDLE)}
    for transport in BOTH:
        silent = await connect_and_stay_silent(server, 20, transport, 5.0)
        results[f"calls that stay silent, {transport}"] = silent
    print(f"\n{reports.idle_table(results)}")
    for result in results.values():
        assert result.opened == result.asked
        assert result.during.children == result.before.children
    assert results["connections that send nothing"].bytes_each < 100 * 1024


async def test_ten_at_once_do_not_hold_each_other_up(server: RunningServer) -> None:
    await ask_questions(server.url, [Caller(kind, "awb", QUESTIONS[:1]) for kind in BOTH])
    result = await call_together(server, CROWD)
    print(f"\n{reports.crowd_table(result)}")
    assert not result.answers.failures
    assert result.held.longest_cpu_s < HELD_S


async def test_the_agent_falls_silent_when_spoken_over(server: RunningServer) -> None:
    results = [
        await interrupt(server.url, transport, times=INTERRUPTIONS, voices=FLITE_VOICES)
        for transport in BOTH
    ]
    print(f"\n{reports.interruptions_table(results)}")
    for result in results:
        assert result.distribution().p95 < BARGE_IN_S


async def test_answers_come_soon(server: RunningServer) -> None:
    callers = [
        Caller(transport, voice)
        for _ in range(ROUNDS)
        for voice in FLITE_VOICES
        for transport in BOTH
    ]
    result = await ask_questions(server.url, callers)
    print(f"\n{reports.answers_table(result)}")
    assert not result.failures
    over_all = result.distributions()["all"]
    assert over_all.median < MEDIAN_S
    assert over_all.p95 < P95_S
