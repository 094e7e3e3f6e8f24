"""The chart: calls against latency, every server over every transport. Needs the extra `bench`."""

from pathlib import Path

from voice_agent.bench.load.quality import LATENCY_MARGIN_S, Step
from voice_agent.bench.load.report import calls_at_quality
from voice_agent.bench.load.results import BenchResult, Run
from voice_agent.bench.load.servers import ServerName

NEEDS = "the chart needs matplotlib: pip install 'voice-agent-backend[bench]'"
_COLOURS = {ServerName.OURS: "#1668dc", ServerName.PLAIN: "#d46b08"}
_INK, _GRID = "#333333", "#dddddd"


class ChartUnavailableError(RuntimeError):
    """matplotlib is not installed; the message names the extra."""


def check_drawable() -> None:
    """Return when charts can be drawn.

    Raises:
        ChartUnavailableError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415
    except ImportError:
        raise ChartUnavailableError(NEEDS) from None


def write_chart(result: BenchResult, path: Path) -> None:
    """Draw `result` into `path`, as SVG or as whatever its suffix says.

    Raises:
        ChartUnavailableError: matplotlib is not installed.
        OSError: The file cannot be written.
        ValueError: There is no such format.
    """
    check_drawable()
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    transports = list(dict.fromkeys(run.transport for run in result.runs))
    # Words stay words, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 10}):
        figure = Figure(figsize=(5.5 * max(1, len(transports)), 4.4), layout="constrained")
        figure.suptitle("Time to the first word of an answer, by the number of calls on one core")
        axes = figure.subplots(1, max(1, len(transports)), sharey=True, squeeze=False)[0]
        for axis, transport in zip(axes, transports, strict=False):
            runs = [run for run in result.runs if run.transport == transport]
            for run in runs:
                _draw(axis, run)
            if any(points(run) for run in runs):
                _draw_limit(axis, runs)
                axis.legend(frameon=False, loc="lower right")
            axis.set_title({"webrtc": "WebRTC", "websocket": "WebSocket"}[transport])
            axis.set_xlabel("calls at once")
            axis.set_xlim(left=0)
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.set_ylim(bottom=0)
            axis.grid(color=_GRID, linewidth=0.6)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("end of speech to first audio, ms")
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata)


def points(run: Run) -> list[tuple[int, float, float]]:
    """Return calls, median and 95th percentile in ms of each step that counts, by calls.

    Of a number of calls that was measured more than once, the best.
    """
    best: dict[int, Step] = {}
    for step in run.ramp.steps:
        if not step.counts or step.p95_s is None:
            continue
        known = best.get(step.calls)
        if known is None or (known.p95_s or 0) > step.p95_s:
            best[step.calls] = step
    return [
        (calls, (step.median_s or 0) * 1000, (step.p95_s or 0) * 1000)
        for calls, step in sorted(best.items())
    ]


def _draw(axis: object, run: Run) -> None:
    found = points(run)
    if not found:
        return
    calls, medians, p95s = zip(*found, strict=True)
    colour = _COLOURS[run.server]
    label = f"{run.server.label}: {calls_at_quality(run)} at quality"
    axis.plot(calls, p95s, color=colour, marker="o", markersize=4, label=label)  # type: ignore[attr-defined]
    axis.plot(calls, medians, color=colour, linewidth=1, linestyle=":")  # type: ignore[attr-defined]


def _draw_limit(axis: object, runs: list[Run]) -> None:
    reference_s = next((run.reference_s for run in runs if run.reference_s is not None), None)
    if reference_s is None:
        return
    limit_ms = (reference_s + LATENCY_MARGIN_S) * 1000
    axis.axhline(limit_ms, color=_INK, linewidth=0.8, linestyle="--")  # type: ignore[attr-defined]
    axis.annotate(  # type: ignore[attr-defined]
        f"quality: p95 within {limit_ms:.0f} ms (dots: median)",
        (0.02, limit_ms),
        xycoords=("axes fraction", "data"),
        va="bottom",
        color=_INK,
        fontsize=8,
    )
