"""The figures of `dev.sh soak` in short, with limits that a busy machine keeps."""

import asyncio
from pathlib import Path

import pytest

from voice_agent.bench.answers import BOTH
from voice_agent.bench.callers import QUESTIONS
from voice_agent.bench.churn import ALL_BEHAVIOURS, churn
from voice_agent.bench.crowd import call_together
from voice_agent.bench.interruptions import interrupt
from voice_agent.client import Call, TransportName
from voice_agent.testing.running_server import RunningServer, serving
from voice_agent.testing.server_probe import ServerCounts

PATIENCE_S = 30.0
FIRST_CALL_S = 0.2
"""How long a process's first call may hold the loop; without a rehearsal it was 0.7 s."""
HELD_S = 0.25
BARGE_IN_S = 1.0
ANSWER_S = 8.0


@pytest.mark.alone
async def test_the_first_call_finds_everything_loaded(tmp_path: Path) -> None:
    with serving(tmp_path, probed=True) as server:
        await server.probe.watch()
        async with Call(server.url, transport=TransportName.WEBRTC, timeout_s=PATIENCE_S) as call:
            await call.until(
                lambda: call.heard.onset_after(call.started_at), PATIENCE_S, "the greeting"
            )
        held = await server.probe.held()
    assert held.longest_cpu_s < FIRST_CALL_S, held.holds[0]


async def test_calls_that_were_cut_off_leave_nothing_behind(server: RunningServer) -> None:
    heard = [each for each in ALL_BEHAVIOURS if not each.silently]
    result = await churn(server, calls=12, behaviours=heard, until_retired=False)
    before, after = result.counts[0], result.counts[12]
    assert not result.failures
    assert result.rude == 4
    assert _but_for_helpers(after) == _but_for_helpers(before)
    assert after.connections == 0


def _but_for_helpers(counts: ServerCounts) -> list[str]:
    """Return the tasks, without those of recognisers, which retire later."""
    return [task for task in counts.tasks if not task.startswith("Helper")]


@pytest.mark.alone
async def test_several_at_once_are_answered_and_nothing_holds_the_loop(
    server: RunningServer,
) -> None:
    result = await call_together(server, 4, questions=QUESTIONS[:1], spread_s=2.0)
    assert not result.answers.failures
    assert len(result.answers.latencies()) == 4
    assert max(result.answers.latencies()) < ANSWER_S
    assert result.held.longest_cpu_s < HELD_S, result.held.holds[0]


@pytest.mark.alone
async def test_the_agent_falls_silent_soon(server: RunningServer) -> None:
    results = await asyncio.gather(*(interrupt(server.url, kind, times=1) for kind in BOTH))
    for result in results:
        assert result.distribution().median < BARGE_IN_S
