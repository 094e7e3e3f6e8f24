"""The benchmark with one and two calls, and what it starts."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from voice_agent.bench.load.chart import points, write_chart
from voice_agent.bench.load.options import Options
from voice_agent.bench.load.processes import EndedTooSoonError, StartFailedError, started
from voice_agent.bench.load.report import document, summary
from voice_agent.bench.load.run import Bench
from voice_agent.bench.load.servers import ServerName
from voice_agent.client.signalling import TransportName

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="the callers need flite")


@needs_flite
@pytest.mark.alone
def test_both_servers_are_measured() -> None:
    progress: list[str] = []
    options = Options(
        transports=(TransportName.WEBSOCKET,),
        calls=(1,),
        seconds=6.0,
        floor=False,
        processes=1,
        short_calls=0,
        first_words=0,
    )
    result = Bench(options, progress.append).run()
    assert [run.server for run in result.runs] == [ServerName.PLAIN, ServerName.OURS]
    for run in result.runs:
        (step,) = run.ramp.steps
        assert step.failures == (), progress
        assert 0.005 < step.cpu < 1.05
        assert step.generator.sends == pytest.approx(6 / 0.02, rel=0.1)
    assert "plain Pipecat, websocket" in summary(result)


@needs_flite
@pytest.mark.soak
@pytest.mark.timeout(300)
def test_everything_is_measured_of_both_servers_over_both_transports(tmp_path: Path) -> None:
    progress: list[str] = []
    options = Options(calls=(2,), seconds=10.0, short_calls=10, first_words=1)
    result = Bench(options, progress.append).run()

    measured = [(run.server, run.transport) for run in result.runs]
    assert measured == [
        (server, transport)
        for transport in (TransportName.WEBSOCKET, TransportName.WEBRTC)
        for server in (ServerName.PLAIN, ServerName.OURS)
    ]
    for run in result.runs:
        (step,) = run.ramp.steps
        assert step.failures == (), progress
        assert step.latencies_s, progress
        # The providers alone take a third of a second.
        assert all(0.33 < latency_s < 10 for latency_s in step.latencies_s), step
        assert step.packets > 20
        assert 0.005 < step.cpu < 1.05
        assert 0 < step.loop_cpu <= step.cpu + 0.05
        assert step.resident_bytes > 50 << 20
        assert step.generator.sends == pytest.approx(2 * 10 / 0.02, rel=0.1)
        assert run.first_words is not None
        assert 0.0 < run.first_words.seconds < 10
        assert points(run) if step.counts else True
    assert all((cost_s or 0) > 0.0005 for cost_s in result.leg_costs.values()), progress
    assert set(result.leg_costs) == set(ServerName)
    for floor in result.floors:
        assert floor.why_not or (floor.cpu_a_connection or 0) > 0.0005
    assert [sum(compared.several.calls) for compared in result.processes] == [8, 8], progress
    assert all(not compared.several.failures for compared in result.processes), progress
    assert all(0.2 < compared.ratio < 5 for compared in result.processes), progress
    assert result.memory is not None
    assert (result.memory.calls, result.memory.failed) == (10, 0)

    assert "plain Pipecat, webrtc" in summary(result)
    assert json.loads(json.dumps(document(result)))["runs"][0]["steps"][0]["calls"] == 2
    if _can_draw():
        write_chart(result, tmp_path / "chart.svg")
        assert "WebSocket" in (tmp_path / "chart.svg").read_text()


def test_what_is_started_ends_with_its_children_even_when_they_ignore_the_signal(
    tmp_path: Path,
) -> None:
    child = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    parent = (
        "import subprocess,sys,time;"
        f"print(subprocess.Popen([sys.executable, '-c', {child!r}]).pid, flush=True);"
        "print('ready: http://127.0.0.1:1', flush=True); time.sleep(60)"
    )
    with (
        contextlib.suppress(RuntimeError),
        started(["-c", parent], cores=frozenset(), folder=tmp_path) as process,
    ):
        grandchild = psutil.Process(int(process.lines[0]))
        raise RuntimeError("the benchmark failed")
    assert process.process.poll() is not None
    with contextlib.suppress(psutil.NoSuchProcess):
        grandchild.wait(5)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_what_does_not_come_up_tells_what_it_wrote(tmp_path: Path) -> None:
    command = ["-c", "raise SystemExit('no such model')"]
    with (
        pytest.raises(StartFailedError, match="no such model"),
        started(command, cores=frozenset(), folder=tmp_path),
    ):
        pass


def test_what_ends_while_it_is_needed_is_told_with_what_it_wrote(tmp_path: Path) -> None:
    command = ["-c", "print('ready: http://127.0.0.1:1', flush=True); print('out of memory')"]

    def look_at_it_when_it_has_ended() -> None:
        with started(command, cores=frozenset(), folder=tmp_path) as process:
            process.process.wait(10)
            psutil.Process(process.pid)

    with pytest.raises(EndedTooSoonError, match="out of memory"):
        look_at_it_when_it_has_ended()


@needs_flite
@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_benchmark_that_is_stopped_leaves_no_process(number: int) -> None:
    command = [
        sys.executable,
        "-m",
        "voice_agent",
        "bench",
        "--servers",
        "plain",
        "--seconds",
        "60",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        own = psutil.Process(process.pid)
        deadline = time.monotonic() + 60
        # The providers and a server.
        while len(children := own.children(recursive=True)) < 2:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)  # polls a process table, which tells nobody when it changes
        os.kill(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def _can_draw() -> bool:
    try:
        import matplotlib  # noqa: F401, ICN001
    except ImportError:
        return False
    return True
