"""What each benchmark prints for people. Pure."""

from collections.abc import Iterable, Mapping

from voice_agent.bench.answers import Answers
from voice_agent.bench.churn import Churn
from voice_agent.bench.crowd import Crowd
from voice_agent.bench.figures import as_table
from voice_agent.bench.idle_connections import IdleConnections
from voice_agent.bench.interruptions import Interruptions
from voice_agent.testing.server_probe import ServerCounts

_MIB = 2**20


def counts_row(counts: ServerCounts) -> dict[str, str]:
    """Return the cells of one moment of a server."""
    return {
        "tasks": str(len(counts.tasks)),
        "threads": str(counts.native_threads),
        "children": str(len(counts.children)),
        "files": str(counts.open_files),
        "memory": f"{counts.resident_bytes / _MIB:.1f} MiB",
        "children's memory": f"{counts.children_bytes / _MIB:.0f} MiB",
    }


def churn_table(result: Churn) -> str:
    """Return the server before and after the calls, and the calls that failed."""
    rows = {
        "before" if number == 0 else f"after {number} calls": counts_row(counts)
        for number, counts in result.counts.items()
    }
    lines = [as_table(rows), f"{result.rude} calls were cut off rudely"]
    return "\n".join([*lines, *_failures(result.failures)])


def idle_table(results: Mapping[str, IdleConnections]) -> str:
    """Return the server before, during and after connections that never speak."""
    parts = []
    for name, result in results.items():
        rows = {
            "before": counts_row(result.before),
            f"with {result.opened}": counts_row(result.during),
            "after": counts_row(result.after),
        }
        closed = ", ".join(f"{count} with {code}" for code, count in result.close_codes.items())
        each = f"{result.bytes_each / 1024:.0f} KiB each; closed: {closed}"
        parts.append(f"{name}: {each}\n{as_table(rows)}")
    return "\n\n".join(parts)


def crowd_table(result: Crowd) -> str:
    """Return the latencies, how long the loop was held, and by what."""
    held = result.held
    lines = [
        answers_table(result.answers),
        "",
        f"event loop, watched for {held.watched_s:.0f} s: held at most",
        f"  {held.longest_wall_s * 1000:.1f} ms by the clock",
        f"  {held.longest_cpu_s * 1000:.1f} ms by its own computing, {held.noteworthy}x over 10",
    ]
    for hold in held.holds[:5]:
        where = " < ".join(reversed(hold.stack[-4:])) or "not seen"
        lines.append(f"  {hold.cpu_s * 1000:6.1f} ms ({hold.wall_s * 1000:.1f}): {where}")
    return "\n".join(lines)


def interruptions_table(results: Iterable[Interruptions]) -> str:
    """Return how fast the agent fell silent over each transport."""
    rows = {
        result.transport.value: {
            **result.distribution().in_milliseconds(),
            "in pauses": str(result.in_pauses),
        }
        for result in results
    }
    return as_table(rows)


def answers_table(result: Answers) -> str:
    """Return how long answers took, and what went wrong."""
    rows = {name: found.in_milliseconds() for name, found in result.distributions().items()}
    silent = [each for each in result.asked if each.latency_s is None]
    lines = [as_table(rows)] if rows else ["nothing was answered"]
    lines += [f"no answer: {each.transport} {each.voice}: {each.question}" for each in silent]
    return "\n".join([*lines, *_failures(result.failures)])


def _failures(failures: list[str]) -> list[str]:
    return [f"{len(failures)} calls failed:", *failures] if failures else []
