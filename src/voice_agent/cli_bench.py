"""The command `voice-agent bench`."""

from typing import Annotated

import typer

EXIT_INTERRUPTED = 130


def bench(
    servers: Annotated[
        str, typer.Option(help="Whom to measure: ours, plain (a plain Pipecat server), or both.")
    ] = "ours,plain",
    transports: Annotated[str, typer.Option(help="Over what.")] = "websocket,webrtc",
    *,
    calls: Annotated[
        str, typer.Option(help="With these numbers of calls, instead of until quality breaks.")
    ] = "",
    max_calls: Annotated[int, typer.Option(min=1, help="With how many calls at most.")] = 64,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long each number of calls is measured.")
    ] = 12.0,
    seed: Annotated[int, typer.Option(help="For the callers' pauses.")] = 1,
) -> None:
    """Measure how many calls a core holds, beside a plain Pipecat server."""
    from voice_agent.bench.load.options import Options  # noqa: PLC0415
    from voice_agent.bench.load.report import summary  # noqa: PLC0415
    from voice_agent.bench.load.run import Bench  # noqa: PLC0415

    try:
        options = Options.of(
            servers=servers,
            transports=transports,
            calls=calls,
            max_calls=max_calls,
            seconds=seconds,
            seed=seed,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        result = Bench(options, lambda line: typer.echo(line, err=True)).run()
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    typer.echo(summary(result))
