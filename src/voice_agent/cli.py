"""The command `voice-agent`. What is heavy is imported by the commands that need it."""

import asyncio
import io
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from voice_agent.cli_accounts import keys_app, users_app
from voice_agent.cli_agents import agents_app
from voice_agent.cli_bench import bench
from voice_agent.cli_database import database_app
from voice_agent.cli_options import takes_settings
from voice_agent.core.errors import VoiceAgentError

EXIT_FAILED = 1
EXIT_SETTINGS = 2
"""What is wrong is in the settings or the options; also what a misspelled option gets."""

cli = typer.Typer(
    help="Voice agents that talk over WebRTC and WebSocket.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(agents_app, name="agents")
cli.add_typer(database_app, name="database")
cli.add_typer(users_app, name="users")
cli.add_typer(keys_app, name="keys")
cli.command()(bench)


def main() -> None:
    """Run the command and exit with its code; an error that is ours is a line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        cli()
    except VoiceAgentError as error:
        for line in str(error).splitlines():
            typer.echo(f"{typer.style('error:', fg='red')} {line}", err=True)
        sys.exit(EXIT_SETTINGS)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(metadata.version("voice-agent-backend"))
        raise typer.Exit


@cli.callback()
def _everywhere(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Voice agents that talk over WebRTC and WebSocket."""


@cli.command()
@takes_settings
def serve(options: dict[str, Any]) -> None:
    """Take calls until it is stopped (Ctrl-C)."""
    from voice_agent.config_loading import load_settings  # noqa: PLC0415

    settings = load_settings(options)
    if settings.workers > 1:
        from voice_agent.cluster_serving import run_cluster  # noqa: PLC0415

        raise typer.Exit(run_cluster(settings))
    from voice_agent.serving import run_server  # noqa: PLC0415

    raise typer.Exit(run_server(settings))


@cli.command()
@takes_settings
def doctor(
    options: dict[str, Any],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show the settings in effect and check everything that a call needs."""
    from loguru import logger  # noqa: PLC0415

    from voice_agent import doctor_report  # noqa: PLC0415
    from voice_agent.config_loading import read_sources, settings_from  # noqa: PLC0415
    from voice_agent.core.errors import SettingsError  # noqa: PLC0415
    from voice_agent.doctor import examine  # noqa: PLC0415
    from voice_agent.doctor_check import Check, Status  # noqa: PLC0415

    logger.remove()
    sources, settings = read_sources(options), None
    try:
        settings = settings_from(sources)
        checks = list(asyncio.run(examine(settings, datetime.now(UTC))))
    except SettingsError as error:
        checks = [Check("Settings", Status.FAILED, line) for line in str(error).splitlines()]
    if as_json:
        typer.echo(doctor_report.as_json(checks, settings, sources))
    else:
        for line in doctor_report.as_text(checks, settings, sources):
            typer.echo(line)
    if doctor_report.would_stop_a_call(checks):
        raise typer.Exit(EXIT_FAILED)


@cli.command()
def call(
    url: Annotated[str, typer.Argument(help="The server.")] = "http://127.0.0.1:7860",
    *,
    wav: Annotated[
        list[Path] | None, typer.Option(help="Say this sound file; repeat it for further turns.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="Type this; repeat it for further turns.")
    ] = None,
    transport: Annotated[
        Literal["webrtc", "websocket"] | None, typer.Option(help="Instead of what it offers.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Instead of the server's default.")] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="VOICE_AGENT_KEY", help="A key with the scope sessions:create."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write what was heard, as wav.")] = None,
    both: Annotated[Path | None, typer.Option(help="Write both sides, as stereo wav.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds to wait for each step.")
    ] = 15.0,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Accept any certificate, a self-signed one too.")
    ] = False,
    reconnect: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds to try to come back when cut off; 0: never."),
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document at the end.")] = False,
) -> None:
    """Call an agent from here and print what is said; exits with 0 when it answered."""
    from voice_agent.client.call import CallRequest, TransportName, run_call  # noqa: PLC0415

    request = CallRequest(
        url=url,
        transport=TransportName(transport) if transport else None,
        agent=agent,
        key=key,
        wavs=tuple(wav or ()),
        texts=tuple(text or ()),
        out=out,
        both=both,
        timeout_s=timeout,
        verify_tls=not insecure,
        reconnect_s=reconnect,
    )
    raise typer.Exit(run_call(request, as_json=as_json))
