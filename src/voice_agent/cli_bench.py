"""The command `voice-agent bench`."""

import json
from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
NEEDS = "the benchmark needs its extra: pip install 'voice-agent-backend[bench]'"


def bench(
    *,
    servers: Annotated[
        str, typer.Option(help="Whom to measure: ours, plain (a plain Pipecat server), or both.")
    ] = "ours,plain",
    transports: Annotated[str, typer.Option(help="Over what.")] = "websocket,webrtc",
    calls: Annotated[
        str, typer.Option(help="With these numbers of calls, instead of until quality breaks.")
    ] = "",
    max_calls: Annotated[int, typer.Option(min=1, help="With how many calls at most.")] = 128,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long each number of calls is measured.")
    ] = 12.0,
    floor: Annotated[bool, typer.Option(help="Measure bare connections that only echo.")] = True,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="Processes to compare one with; 1 for none.")
    ] = 2,
    short_calls: Annotated[
        int, typer.Option(min=0, help="Short calls after which memory is compared; 0 for none.")
    ] = 500,
    seed: Annotated[int, typer.Option(help="For the callers' pauses.")] = 1,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here, as JSON.")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Draw calls against latency here, as SVG.")
    ] = None,
) -> None:
    """Measure how many calls one core holds, beside a plain Pipecat server."""
    from loguru import logger  # noqa: PLC0415

    logger.disable("pipecat")  # its banner is not ours to print
    try:
        from voice_agent.bench.load.chart import (  # noqa: PLC0415
            ChartUnavailableError,
            check_drawable,
            write_chart,
        )
        from voice_agent.bench.load.options import Options  # noqa: PLC0415
        from voice_agent.bench.load.processes import (  # noqa: PLC0415
            EndedTooSoonError,
            StartFailedError,
        )
        from voice_agent.bench.load.report import document, summary  # noqa: PLC0415
        from voice_agent.bench.load.run import Bench  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "psutil":
            raise
        raise _failure(NEEDS) from None
    try:
        options = Options.of(
            servers=servers,
            transports=transports,
            calls=calls,
            max_calls=max_calls,
            seconds=seconds,
            floor=floor,
            processes=processes,
            short_calls=short_calls,
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        if chart is not None:
            check_drawable()
        result = Bench(options, lambda line: typer.echo(line, err=True)).run()
        typer.echo(summary(result))
        if as_json is not None:
            as_json.write_text(json.dumps(document(result), indent=2) + "\n")
        if chart is not None:
            write_chart(result, chart)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except (
        ChartUnavailableError,
        EndedTooSoonError,
        StartFailedError,
        OSError,
        ValueError,
    ) as error:
        raise _failure(str(error)) from None


def _failure(message: str) -> typer.Exit:
    typer.echo(f"{typer.style('error:', fg='red')} {message}", err=True)
    return typer.Exit(EXIT_FAILED)
