import json
from pathlib import Path

import pytest

from tests.unit.bench.load.steps import OVERRUN, REFERENCE_S, step
from voice_agent.bench.load.chart import points, write_chart
from voice_agent.bench.load.first_words import FirstWords
from voice_agent.bench.load.floor import Floor
from voice_agent.bench.load.ramp import Ramp
from voice_agent.bench.load.report import document, summary
from voice_agent.bench.load.results import BenchResult, Run
from voice_agent.bench.load.servers import ServerName
from voice_agent.bench.load.several_processes import Placed, SeveralProcesses
from voice_agent.bench.load.short_calls import Memory
from voice_agent.client.signalling import TransportName


def run(server: ServerName = ServerName.OURS) -> Run:
    steps = [
        step(1, cpu=0.05),
        step(4, cpu=0.14),
        step(8, latencies_s=(1.4,), cpu=0.26),
        step(8, latencies_s=(1.5,), failures=("no word within 10 s",), cpu=0.1),
        *[step(6, cpu=0.2, generator=OVERRUN)] * 3,
    ]
    words = FirstWords(seconds=0.12, loop_cpu_s=0.01, cpu_s=0.02)
    return Run(server, TransportName.WEBSOCKET, Ramp(steps), REFERENCE_S, words)


def result() -> BenchResult:
    floor = Floor(TransportName.WEBRTC, 0.02)
    runs = [run(), run(ServerName.PLAIN)]
    costs: dict[ServerName, float | None] = {ServerName.OURS: 0.0042, ServerName.PLAIN: None}
    memory = Memory(100, 500, 200, 205, 0)
    one = Placed(0.025, (8,), ())
    several = Placed(0.026, (5, 3), ("no word within 10 s",))
    compared = SeveralProcesses(TransportName.WEBRTC, 2, one, several)
    return BenchResult("one core", "a machine", runs, costs, [floor], [compared], memory)


def test_a_run_tells_what_one_more_call_costs() -> None:
    assert run().calls_at_quality == 4
    assert run().cpu_a_call == pytest.approx(0.03)
    assert run().one_call_s == pytest.approx(0.705)
    assert run().may_hold_more


def test_people_read_a_table() -> None:
    table = summary(result())
    (totals,) = [line for line in table.splitlines() if line.startswith("voice-agent, websocket  ")]
    assert "at least 4" in totals
    assert "3.00%" in totals
    assert "+2.5%" in table
    assert "voice-agent: event loop's CPU to build a leg 4.2 ms" in table
    assert "2 processes, webrtc: CPU of a call 2.60%, x1.04 of that with one" in table
    assert "calls placed 5 and 3; 1 calls failed, the first: no word within 10 s" in table
    assert "does not count, the generator was late: 30 ms" in table


def test_machines_read_every_step() -> None:
    read = json.loads(json.dumps(document(result())))
    assert [each["calls"] for each in read["runs"][0]["steps"]] == [1, 4, 8, 8, 6, 6, 6]
    assert read["runs"][0]["cpu_a_call"] == pytest.approx(0.03)
    assert read["runs"][1]["server"] == "plain"
    assert read["processes"][0]["ratio"] == pytest.approx(1.04)
    assert read["memory"]["growth"] == pytest.approx(0.025)


def test_the_chart_has_the_better_of_two_tries_and_none_that_does_not_count() -> None:
    assert [(calls, p95) for calls, _, p95 in points(run())][-1] == (8, 1400.0)
    assert [calls for calls, _, _ in points(run())] == [1, 4, 8]


def test_the_chart_is_drawn_the_same_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = []
    for name in ("one.svg", "other.svg"):
        write_chart(result(), tmp_path / name)
        drawn.append((tmp_path / name).read_text())
    assert drawn[0] == drawn[1]
    assert "plain Pipecat: at least 4 at quality" in drawn[0]
