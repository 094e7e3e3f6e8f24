"""What the benchmark prints and draws of its figures. Pure."""

from voice_agent.bench.figures import as_table
from voice_agent.bench.load.quality import Step
from voice_agent.bench.load.results import BenchResult, Run

_MIB = 2**20


def step_cells(step: Step) -> dict[str, str]:
    """Return the cells of one step."""
    return {
        "turns": str(len(step.latencies_s)),
        "median": _milliseconds(step.median_s),
        "p95": _milliseconds(step.p95_s),
        "late": f"{step.late_share:.2%}",
        "failed": str(len(step.failures)),
        "CPU": f"{step.cpu:.1%}",
        "CPU a call": f"{step.cpu / max(1, step.calls):.1%}",
        "memory": f"{step.resident_bytes / _MIB:.0f} MiB",
        "generator p99": _milliseconds(step.generator.p99_late_s),
        "generator CPU": f"{step.generator.cpu:.0%}",
    }


def step_line(name: str, step: Step, broken: list[str]) -> str:
    """Return one line that tells a step while the benchmark runs."""
    cells = ", ".join(f"{key} {value}" for key, value in step_cells(step).items())
    verdict = step.generator.why_not() or "; ".join(broken) or "held"
    return f"{name}, {step.calls} calls: {cells} -> {verdict}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"


def summary(result: BenchResult) -> str:
    """Return the table of all that was measured."""
    rows = {f"{run.server.label}, {run.transport}": _run_cells(run) for run in result.runs}
    return f"{result.cores}\n{as_table(rows)}"


def _run_cells(run: Run) -> dict[str, str]:
    words = run.first_words
    return {
        "calls at quality": str(run.calls_at_quality),
        "CPU of one more call": _percent(run.cpu_a_call),
        "memory of one more call": "-"
        if run.bytes_a_call is None
        else f"{run.bytes_a_call / _MIB:.1f} MiB",
        "one call": _milliseconds(run.one_call_s),
        "first word": _milliseconds(words.seconds if words else None),
        "loop CPU to first word": _milliseconds(words.loop_cpu_s if words else None),
    }


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
