"""What the benchmark prints and writes of its figures. Pure."""

from dataclasses import asdict
from typing import Any

from voice_agent.bench.figures import as_table
from voice_agent.bench.load.floor import Floor
from voice_agent.bench.load.providers import LATENCY
from voice_agent.bench.load.quality import LATE_LIMIT, LATENCY_MARGIN_S, Step
from voice_agent.bench.load.results import BenchResult, Run
from voice_agent.bench.load.servers import ServerName
from voice_agent.bench.load.several_processes import SeveralProcesses
from voice_agent.bench.load.short_calls import Memory

_MIB = 2**20


def step_line(run: Run, step: Step) -> str:
    """Return one line that tells a step while the benchmark runs."""
    cells = ", ".join(f"{key} {value}" for key, value in _step_cells(step).items())
    return f"{name(run)}, {step.calls} calls: {cells} -> {verdict(run, step)}"


def verdict(run: Run, step: Step) -> str:
    """Return whether quality held in a step of `run`, and if not, why."""
    if (why_not := step.why_not()) is not None:
        return f"does not count, {why_not}"
    if run.reference_s is None:
        return "nothing to judge it by"
    return "; ".join(step.broken(run.reference_s)) or "held"


def floor_line(floor: Floor) -> str:
    """Return one line that tells what a bare connection costs."""
    cost = floor.why_not or _percent(floor.cpu_a_connection)
    return f"bare {floor.transport}: CPU of one more connection {cost}"


def leg_line(server: ServerName, cost_s: float | None) -> str:
    """Return one line that tells what building a leg costs."""
    return f"{server.label}: event loop's CPU to build a leg {_milliseconds(cost_s, digits=1)}"


def processes_line(compared: SeveralProcesses) -> str:
    """Return one line that tells what several processes cost, and who got the calls."""
    failures = (*compared.one.failures, *compared.several.failures)
    failed = f"; {len(failures)} calls failed, the first: {failures[0]}" if failures else ""
    return (
        f"{compared.processes} processes, {compared.transport}: CPU of a call "
        f"{_percent(compared.several.cpu_a_call)}, x{compared.ratio:.2f} of that with one; "
        f"calls placed {' and '.join(map(str, compared.several.calls))}{failed}"
    )


def memory_line(memory: Memory) -> str:
    """Return one line that tells how memory grew over many short calls."""
    failed = f", {memory.failed} of them failed" if memory.failed else ""
    return (
        f"memory after {memory.calls} short calls{failed}: {_mebibytes(memory.bytes)}, "
        f"{memory.growth:+.1%} of the {_mebibytes(memory.first_bytes)} after {memory.first_calls}"
    )


def summary(result: BenchResult) -> str:
    """Return the steps and the table of all that was measured, for people."""
    steps = {
        f"{name(run)}, {step.calls}": {**_step_cells(step), "quality": verdict(run, step)}
        for run in result.runs
        for step in run.ramp.steps
    }
    totals = {name(run): _run_cells(run) for run in result.runs}
    for floor in result.floors:
        cost = floor.why_not or _percent(floor.cpu_a_connection)
        totals[f"bare echo {floor.transport}"] = {"CPU of one more": cost}
    lines = [f"{result.machine}; {result.cores}", "", as_table(steps), "", as_table(totals)]
    lines += ["", *(leg_line(server, cost_s) for server, cost_s in result.leg_costs.items())]
    lines += map(processes_line, result.processes)
    if result.memory is not None:
        lines.append(memory_line(result.memory))
    return "\n".join(lines)


def document(result: BenchResult) -> dict[str, Any]:
    """Return all figures as a JSON document has them; times in seconds, memory in bytes."""
    return {
        "machine": result.machine,
        "cores": result.cores,
        "provider_latencies": asdict(LATENCY),
        "quality": {"latency_margin_s": LATENCY_MARGIN_S, "late_limit": LATE_LIMIT},
        "runs": [_run_document(run) for run in result.runs],
        "leg_costs_s": {server.value: cost_s for server, cost_s in result.leg_costs.items()},
        "floors": [asdict(floor) for floor in result.floors],
        "processes": [
            {**asdict(compared), "ratio": compared.ratio} for compared in result.processes
        ],
        "memory": None
        if result.memory is None
        else {**asdict(result.memory), "growth": result.memory.growth},
    }


def name(run: Run) -> str:
    """Return what tables call `run`."""
    return f"{run.server.label}, {run.transport}"


def calls_at_quality(run: Run) -> str:
    """Return how many calls `run` held, in words when it may hold more."""
    more = "at least " if run.may_hold_more else ""
    return f"{more}{run.calls_at_quality}"


def _run_document(run: Run) -> dict[str, Any]:
    return {
        "server": run.server.value,
        "transport": run.transport.value,
        "calls_at_quality": run.calls_at_quality,
        "may_hold_more": run.may_hold_more,
        "reference_s": run.reference_s,
        "one_call_s": run.one_call_s,
        "cpu_a_call": run.cpu_a_call,
        "bytes_a_call": run.bytes_a_call,
        "first_words": None if run.first_words is None else asdict(run.first_words),
        "steps": [
            {
                **asdict(step),
                "median_s": step.median_s,
                "p95_s": step.p95_s,
                "late_share": step.late_share,
                "counts": step.counts,
                "verdict": verdict(run, step),
            }
            for step in run.ramp.steps
        ],
    }


def _run_cells(run: Run) -> dict[str, str]:
    words = run.first_words
    return {
        "calls at quality": calls_at_quality(run),
        "CPU of one more": _percent(run.cpu_a_call),
        "memory of one more": "-" if run.bytes_a_call is None else _mebibytes(run.bytes_a_call),
        "one call's answer": _milliseconds(run.one_call_s),
        "connect to first word": _milliseconds(words.seconds if words else None),
        "event loop's CPU for it": _milliseconds(words.loop_cpu_s if words else None, 1),
    }


def _step_cells(step: Step) -> dict[str, str]:
    return {
        "turns": str(len(step.latencies_s)),
        "median": _milliseconds(step.median_s),
        "p95": _milliseconds(step.p95_s),
        "late": f"{step.late_share:.2%}",
        "failed": str(len(step.failures)),
        "CPU": f"{step.cpu:.1%}",
        "event loop": f"{step.loop_cpu:.1%}",
        "memory": _mebibytes(step.resident_bytes),
        "generator late": _milliseconds(step.generator.p99_late_s),
        "generator CPU": f"{step.generator.cpu:.0%}",
        "others": "-" if step.disturbance is None else f"{step.disturbance:.0%}",
    }


def _milliseconds(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value * 1000:.{digits}f} ms"


def _mebibytes(value: float) -> str:
    return f"{value / _MIB:.1f} MiB"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
